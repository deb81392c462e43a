"""
A set whose addresses have several marks, on the real kernel: which packet gets which, and what
becomes of them while versions, backends and the split itself change.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.kernel.backends import EITHER, IpsetBackend, NftBackend
from tests.kernel.directing import KernelDirector, Start
from tests.kernel.namespaces import Lab, Namespace
from tests.kernel.packets import Flood, marks
from tests.kernel.product import by_hand

from proxyfeed.commands.apply import apply
from proxyfeed.commands.confirm import revert
from proxyfeed.commands.decide import release, rollback
from proxyfeed.errors import ConfigError
from proxyfeed.model import Backend, Outcome
from proxyfeed.report import as_text

pytestmark = [pytest.mark.kernel, EITHER]

HOUR = timedelta(hours=1)
SPLIT = """
[feeds.relay]
url = "file:relay.csv"
format = "csv"
csv.label = { country = 2 }
max_growth = "1000 %"
max_shrink = "90 %"

[sets.relay]
feeds = ["relay"]
split = { by = "country", marks = [11, 12, 13] }
"""
WHOLE = SPLIT.replace('split = { by = "country", marks = [11, 12, 13] }', "mark = 11")
FIRST = ["20.0.0.0/16,US", "30.0.0.0/17,DE", "31.0.0.0/17,FR", "2a00::/32,US", "2a01::/32,DE"]
# More countries, an address of the United States in Germany, and France with one more range.
LATER = [*FIRST, "20.0.7.0/24,DE", "32.0.0.0/24,FR", "33.0.0.0/24,IT", "2a02::/48,FR"]
US, DE, FR = ["20.0.0.1", "20.0.255.255", "2a00::1"], ["30.0.0.1", "2a01::1"], ["31.0.0.1"]
OUTSIDE = ["31.0.128.0", "19.255.255.255", "20.1.0.0", "2a03::1"]


def night(made: KernelDirector, *rows: str) -> Outcome:
    made.now += HOUR
    made.publish(to="relay.csv", body="".join(f"{row},,,\n" for row in rows).encode())
    return made.update()


def seen(lab: Lab, *sources: str) -> list[int]:
    found = marks(lab, sources)
    return [found[source] for source in sources]


def test_every_address_has_the_mark_of_its_label_and_no_other_has_any(
    start: Start, lab: Lab
) -> None:
    made = start(SPLIT, lab.director)

    assert night(made, *FIRST).exit_code == 0

    assert seen(lab, *US) == [11] * 3
    assert seen(lab, *DE) == [12] * 2
    assert seen(lab, *FR) == [13]
    assert seen(lab, *OUTSIDE) == [0] * 4
    assert made.status().exit_code == 0


def test_with_a_new_version_every_label_keeps_its_mark(start: Start, lab: Lab) -> None:
    made = start(SPLIT, lab.director)
    night(made, *FIRST)

    night(made, *LATER)

    assert seen(lab, *US, *DE, *FR, "32.0.0.1") == [11] * 3 + [12] * 2 + [13] * 2
    # Under two labels, and the longer prefix is that of Germany.
    assert seen(lab, "20.0.7.9", "20.0.6.255", "20.0.8.0") == [12, 11, 11]
    assert seen(lab, "33.0.0.1") != [0]


def test_a_rollback_brings_the_marks_of_its_version_back(start: Start, lab: Lab) -> None:
    made = start(SPLIT, lab.director)
    night(made, *FIRST)
    # All of France moves to an address of its own, and its mark is taken out.
    made.configure(SPLIT.replace("[11, 12, 13]", "[12, 13]"))
    night(made, *LATER)
    assert 11 not in seen(lab, *US, *DE, *FR)
    made.configure(SPLIT)

    assert rollback(made.config, made.doors(), 1, reason=None).exit_code == 0
    assert seen(lab, *US, *DE, *FR, "20.0.7.9") == [11] * 3 + [12] * 2 + [13] + [11]
    release(made.config, made.doors(), "relay")
    assert apply(made.config, made.doors(), (), dry_run=False).exit_code == 0

    assert seen(lab, "20.0.7.9") == seen(lab, DE[0])


def test_no_packet_misses_its_mark_while_the_marks_of_others_change(start: Start, lab: Lab) -> None:
    made = start(SPLIT, lab.director)
    night(made, *FIRST)

    with Flood(lab, US, mark=11) as flood:
        for rows in (LATER, FIRST, [*LATER, "34.0.0.0/16,DE"], FIRST):
            assert night(made, *rows).exit_code == 0

    assert flood.sent > 0
    assert flood.unmarked == 0


def test_no_packet_misses_its_mark_when_a_set_is_split_and_made_whole_again(
    start: Start, lab: Lab
) -> None:
    made = start(WHOLE, lab.director)
    night(made, *FIRST)
    assert seen(lab, *US, *DE) == [11] * 5

    with Flood(lab, US, mark=11) as flood:
        for toml in (SPLIT, WHOLE) * 6 + (SPLIT,):
            made.configure(toml)
            assert apply(made.config, made.doors(), (), dry_run=False).exit_code == 0

    assert flood.sent > 0
    assert flood.unmarked == 0
    assert seen(lab, *DE) == [12] * 2
    left = made.kernel()
    assert "proxyfeed_relay_4" not in left
    assert "addresses_4" not in left


def test_no_packet_misses_its_mark_when_a_split_set_moves_to_the_other_backend(
    start: Start, lab: Lab
) -> None:
    made = start(SPLIT, lab.director)
    night(made, *FIRST)
    made.backend = IpsetBackend() if made.backend.spec.backend is Backend.NFTABLES else NftBackend()

    with Flood(lab, US, mark=11) as flood:
        made.configure(SPLIT)
        assert apply(made.config, made.doors(), (), dry_run=False).exit_code == 0

    assert flood.sent > 0
    assert flood.unmarked == 0
    assert seen(lab, *DE, *FR, *OUTSIDE) == [12, 12, 13, 0, 0, 0, 0]
    assert made.status().exit_code == 0


def give_another_mark(made: KernelDirector) -> None:
    """
    Let 20.0.0.0/16 have mark 13, by the kernel's own tools.
    """
    if made.backend.spec.backend is Backend.NFTABLES:
        table = "inet proxyfeed_relay marks_4"
        by_hand(
            made.namespace,
            f"nft delete element {table} {{ 20.0.0.0/16 }}\n"
            f"nft add element {table} {{ 20.0.0.0/16 : 13 }}",
        )
    else:
        by_hand(made.namespace, "ipset -exist add proxyfeed_relay_m4 20.0.0.0/16 skbmark 0xd")


def test_a_mark_that_another_hand_has_changed_is_seen_and_mended(start: Start, lab: Lab) -> None:
    made = start(SPLIT, lab.director)
    night(made, *FIRST)
    give_another_mark(made)
    assert seen(lab, US[0]) == [13]

    found = made.status()
    assert found.exit_code == 5
    assert "otherwise  65,536 IPv4 + 0 IPv6 addresses have mark 0xd instead of 0xb" in as_text(
        found
    )
    assert "~20.0.0.0/16 mark 0xd -> 0xb" in as_text(made.diff())
    mended = night(made, *FIRST)

    assert "changed by another hand" in as_text(mended)
    assert seen(lab, US[0]) == [11]
    assert made.status().exit_code == 0


def test_what_was_applied_on_trial_is_taken_back_with_its_marks(start: Start, lab: Lab) -> None:
    made = start(SPLIT, lab.director)
    night(made, *FIRST)
    made.configure(f'apply = "manual"\n{SPLIT}'.replace("[11, 12, 13]", "[21, 22]"))
    night(made, *LATER)
    doors = replace(made.doors(), timer=NoTimer())

    tried = apply(made.config, doors, (), dry_run=False, within=HOUR)
    assert tried.exit_code == 0, as_text(tried)
    assert set(seen(lab, *US, *DE, *FR)) == {21, 22}
    taken = revert(doors)

    assert taken.exit_code == 0, as_text(taken)
    assert seen(lab, *US, *DE, *FR, "20.0.7.9") == [11] * 3 + [12] * 2 + [13] + [11]


class NoTimer:
    """
    A timer that is never due: the test takes back itself.
    """

    def start(self, token: str) -> str:
        return "none"

    def stop(self, token: str, timer: str) -> None:
        pass


def test_a_boot_fills_a_split_set_with_its_marks(start: Start, lab: Lab) -> None:
    made = start(SPLIT, lab.director)
    night(made, *FIRST)
    empty_kernel(lab.director)
    assert seen(lab, *US, *DE) == [0] * 5

    assert apply(made.config, made.doors(), (), dry_run=False).exit_code == 0

    assert seen(lab, *US, *DE, *FR) == [11] * 3 + [12] * 2 + [13]


def empty_kernel(namespace: Namespace) -> None:
    by_hand(
        namespace,
        "iptables -t mangle -F\nip6tables -t mangle -F\nipset destroy\n"
        "nft add table inet proxyfeed_relay\nnft delete table inet proxyfeed_relay",
    )


def test_other_bits_of_a_mark_stay_with_a_mask_which_nftables_cannot(
    start: Start, lab: Lab
) -> None:
    by_hand(lab.director, "iptables -t mangle -A PREROUTING -j MARK --set-mark 0x7700")
    made = start(SPLIT, lab.director)
    with_mask = f"{SPLIT}mask = 0xff\n"
    if made.backend.spec.backend is Backend.NFTABLES:
        with pytest.raises(ConfigError, match=r"relay\.mask: must be all bits with split"):
            made.configure(with_mask)
        return
    made.configure(with_mask)

    assert night(made, *FIRST).exit_code == 0

    assert seen(lab, "20.0.0.1", "30.0.0.1", "31.0.128.0") == [0x770B, 0x770C, 0x7700]
    assert made.status().exit_code == 0
