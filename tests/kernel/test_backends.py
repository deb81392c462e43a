"""
From one backend to the other: the new one is proven before the old one goes, whatever happens.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.kernel.backends import (
    EITHER,
    IpsetBackend,
    KernelBackend,
    NftBackend,
    all_names,
)
from tests.kernel.mortal import MortalRunner, is_writing, run_until_killed
from tests.kernel.namespaces import SYSTEM_PATH, Lab, Namespace
from tests.kernel.operating import CONTENT, Operator, fill_database
from tests.kernel.packets import Flood, marks
from tests.kernel.product import (
    FAMILIES,
    IPTABLES,
    LASTING,
    MARK,
    NET,
    NEW,
    OLD,
    by_hand,
    firewall_in,
    link,
    mark_rules,
    path_with,
    served,
    set_names,
    write_program,
)

from proxyfeed.converge import converge, remove_rules
from proxyfeed.errors import CommandFailed, ToolMissing
from proxyfeed.firewall import Firewall
from proxyfeed.model import Backend, RuleResult
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_json, as_text

pytestmark = pytest.mark.kernel

TABLE = "inet proxyfeed_aol"
IPSETS = set(NET.values())
DNS = served((53, "udp"), (80, "udp"), (443, "tcp"))


def other(backend: KernelBackend) -> KernelBackend:
    """
    The other backend, with the same programs.
    """
    kind = NftBackend if backend.spec.backend is Backend.IPSET else IpsetBackend
    return kind(backend.path)


# ------------------------------------------------------------------ that none is missed


@pytest.mark.parametrize("content", [OLD, NEW], ids=["the same content", "another content"])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="plain"),
        pytest.param({"virtual": DNS}, id="with virtual services"),
        pytest.param({"mask": 0xFF}, id="with another mask"),
    ],
)
def test_a_move_to_the_other_backend_and_back_misses_no_packet(
    lab: Lab, backend: KernelBackend, content: PrefixSet, changes: dict[str, object]
) -> None:
    new = other(backend)
    there = replace(new.spec, **changes)  # type: ignore[arg-type]
    converge(backend.firewall(lab.director), backend.spec, OLD)
    before = all_names(lab.director)

    with Flood(lab, LASTING, mark=MARK) as flood:
        converge(new.firewall(lab.director), there, content)
        between = all_names(lab.director)
        converge(backend.firewall(lab.director), backend.spec, OLD)

    assert flood.unmarked == 0
    assert flood.marked == flood.sent > 0
    assert before == all_names(lab.director)
    assert not between & before
    assert between


def test_what_the_new_backend_holds_alone_is_marked_and_what_the_old_one_held_alone_is_not(
    lab: Lab, backend: KernelBackend
) -> None:
    converge(backend.firewall(lab.director), backend.spec, OLD)
    new = other(backend)

    converge(new.firewall(lab.director), new.spec, NEW)

    gone, come = "149.174.160.1", "202.67.65.129"
    assert marks(lab, [gone, come, LASTING[0]]) == {gone: 0, come: MARK, LASTING[0]: MARK}
    assert new.held(lab.director) == NEW
    assert backend.held(lab.director) == PrefixSet()
    assert [backend.rules(lab.director, family) for family in FAMILIES] == [[], []]


@EITHER
def test_a_move_in_which_two_families_become_one_leaves_nothing_of_the_other(
    director: Namespace, backend: KernelBackend
) -> None:
    converge(backend.firewall(director), replace(backend.spec, virtual=DNS), OLD)
    new = other(backend)

    converge(new.firewall(director), replace(new.spec, families=(6,)), OLD)

    assert new.held(director) == OLD.family(6)
    assert backend.names(director) == set()


@pytest.mark.parametrize("script", ["", f"delete table {TABLE}"], ids=["both", "that one alone"])
def test_a_table_that_was_left_beside_goes_too(director: Namespace, script: str) -> None:
    nftables, ipset = NftBackend(), IpsetBackend()
    converge(nftables.firewall(director), nftables.spec, OLD)
    director.run("nft", "-f", "-", input=f"add table {TABLE}_new\n{script}\n")

    converge(ipset.firewall(director), ipset.spec, OLD)

    assert all_names(director) == IPSETS


def test_a_table_is_replaced_by_ipsets_without_a_rule_where_the_rule_is_kept_by_hand(
    director: Namespace,
) -> None:
    nftables, ipset = NftBackend(), IpsetBackend()
    converge(nftables.firewall(director), nftables.spec, OLD)

    converge(ipset.firewall(director), replace(ipset.spec, install_rule=False), OLD)

    assert all_names(director) == IPSETS
    assert mark_rules(director, "iptables") == []


# ------------------------------------------------------------------ cut off on the way


@EITHER
@pytest.mark.parametrize("is_taken_back", [False, True])
def test_killed_between_any_two_commands_it_marks_and_the_next_run_finishes(
    lab: Lab, backend: KernelBackend, *, is_taken_back: bool
) -> None:
    new, director = other(backend), lab.director
    spec = replace(backend.spec, virtual=served((80, "udp")))
    later = replace(new.spec, virtual=DNS)
    converge(backend.firewall(director), spec, OLD)
    old_names = backend.names(director)
    runner = new.record(director)
    converge(Firewall(runner), later, NEW)
    new_names = new.names(director)
    writes = [number for number, command in enumerate(runner.commands) if is_writing(command)]
    assert len(writes) >= 2

    for number in writes:
        converge(backend.firewall(director), spec, OLD)
        assert (backend.names(director), new.names(director)) == (old_names, set())
        mortal = MortalRunner(prefix=director.argv, last=number)
        run_until_killed(partial(converge, Firewall(mortal), later, NEW))
        assert marks(lab, LASTING) == dict.fromkeys(LASTING, MARK)

        if is_taken_back:
            converge(backend.firewall(director), spec, OLD)
            assert (backend.names(director), new.names(director)) == (old_names, set())
            assert backend.held(director) == OLD
        else:
            converge(new.firewall(director), later, NEW)
            assert (backend.names(director), new.names(director)) == (set(), new_names)
            assert new.held(director) == NEW


# ------------------------------------------------------------------ what cannot be removed


@pytest.fixture(scope="module")
def filled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "proxyfeed.db"
    fill_database(path)
    return path


@pytest.fixture
def database(filled_database: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled_database, tmp_path))


@pytest.fixture
def operator(director: Namespace, database: Path) -> Iterator[Operator]:
    operator = Operator(director, database)
    yield operator
    operator.store.close()


FORMER_IPSETS = ", ".join([NET[4], NET[6], "proxyfeed_aol_v4", "proxyfeed_aol_v6"])


def test_an_ipset_that_a_foreign_rule_looks_at_stays_and_is_told(
    director: Namespace, operator: Operator
) -> None:
    assert operator.apply().exit_code == 0
    foreign = f"PREROUTING -m set --match-set {NET[4]} src -j ACCEPT"
    by_hand(director, f"iptables -t mangle -A {foreign}")
    operator.configure(Backend.NFTABLES)

    outcome = operator.apply()

    assert outcome.exit_code == 0
    assert f"but {NET[4]} could not be removed: is it in use?" in " ".join(outcome.warnings)
    assert set_names(director) == {NET[4]}
    assert mark_rules(director, "iptables") == [f"-A {foreign}"]
    assert NftBackend().held(director) == CONTENT
    exit_code, text = operator.status()
    assert exit_code == 5
    words = f"ipset holds {NET[4]} and 0 MARK rules of it still"
    assert f"  former     {words}\n" in text
    assert [one.message for one in operator.problems()] == [
        f"set aol: live differs from desired: {words}"
    ]
    assert "live       equals desired" in text

    by_hand(director, f"iptables -t mangle -D {foreign}")
    assert (operator.apply().exit_code, operator.apply().warnings) == (0, ())
    assert operator.status()[0] == 0
    assert all_names(director) == {TABLE}


@pytest.mark.parametrize("name", ["proxyfeed_aol_saved", "proxyfeed_aol"])
def test_an_ipset_of_another_hand_with_such_a_name_is_nothing_that_ipset_left(
    director: Namespace, name: str
) -> None:
    by_hand(director, f"ipset create {name} hash:net")
    nftables = NftBackend()

    applied = converge(nftables.firewall(director), nftables.spec, OLD)

    assert (applied.plan.former, applied.notes) == (None, ())
    assert all_names(director) == {TABLE, name}


def test_a_former_rule_that_cannot_be_removed_is_an_error_and_the_next_run_mends_it(
    lab: Lab, database: Path, tmp_path: Path
) -> None:
    whole = Operator(lab.director, database)
    assert whole.apply().exit_code == 0
    write_program(tmp_path / "ip6tables-restore", "echo 'line 2 failed' >&2; exit 1")
    broken = Operator(lab.director, database, path_with(tmp_path), Backend.NFTABLES)

    (problem,) = broken.apply().problems

    assert (problem.code, problem.exit_code, problem.hint) == ("kernel", 5, "proxyfeed apply")
    assert problem.message.startswith(
        "set aol is in place by nftables, and what ipset held of it could not be removed: "
        "ip6tables-restore --noflush -w 10 failed: line 2 failed"
    )
    assert marks(lab, LASTING) == dict.fromkeys(LASTING, MARK)
    exit_code, text = broken.status()
    assert exit_code == 5
    assert f"ipset holds {FORMER_IPSETS} and 1 MARK rules of it still" in text
    assert "IPv6 rule  in place" in text

    whole.configure(Backend.NFTABLES)
    assert whole.apply().exit_code == 0
    assert whole.status()[0] == 0
    assert all_names(lab.director) == {TABLE}
    for each in (whole, broken):
        each.store.close()


def test_a_former_table_that_cannot_be_removed_is_an_error_and_the_next_run_mends_it(
    lab: Lab, database: Path, tmp_path: Path
) -> None:
    whole = Operator(lab.director, database, backend=Backend.NFTABLES)
    assert whole.apply().exit_code == 0
    nft = shutil.which("nft", path=SYSTEM_PATH)
    script = 'case "$1" in -f) echo "Error: Device or resource busy" >&2; exit 1;; esac\n'
    write_program(tmp_path / "nft", f'{script}exec {nft} "$@"')
    broken = Operator(lab.director, database, path_with(tmp_path))

    (problem,) = broken.apply().problems

    assert (problem.code, problem.exit_code, problem.hint) == ("kernel", 5, "proxyfeed apply")
    assert "is in place by ipset, and what nftables held of it could not be" in problem.message
    assert "Device or resource busy" in problem.message
    assert marks(lab, LASTING) == dict.fromkeys(LASTING, MARK)
    exit_code, text = broken.status()
    assert exit_code == 5
    assert f"nftables holds {TABLE} addresses_4, {TABLE} addresses_6" in text
    assert "and 2 MARK rules of it still" in text

    whole.configure(Backend.IPSET)
    assert whole.apply().exit_code == 0
    assert whole.status()[0] == 0
    assert TABLE not in all_names(lab.director)
    for each in (whole, broken):
        each.store.close()


# ------------------------------------------------------------------ what is said before


@pytest.mark.parametrize("former", list(Backend))
def test_before_it_is_applied_status_and_diff_show_the_addresses_as_they_are(
    director: Namespace, operator: Operator, former: Backend
) -> None:
    operator.configure(former)
    assert operator.apply().exit_code == 0
    backend = IpsetBackend() if former is Backend.IPSET else NftBackend()
    backend.delete(director, 4, "198.81.8.0/23")
    backend.add(director, 6, "2001:db8:9999::/48")

    operator.configure(former.other)

    compared = as_text(operator.diff())
    assert "+198.81.8.0/23\n" in compared
    assert "-2001:db8:9999::/48\n" in compared
    assert "64.12.96.0/19" not in compared
    exit_code, text = operator.status()
    assert exit_code == 5
    assert "missing    198.81.8.0/23\n" in text
    assert "extra      2001:db8:9999::/48\n" in text
    assert "missing    64.12.96.0/19" not in text
    assert f"{other(backend).addresses(4)}: it does not exist" in text
    assert f"{former} holds {backend.addresses(4)}, {backend.addresses(6)}, " in text
    assert "and 2 MARK rules of it still" in text
    assert "IPv4 rule  MISSING" in text


@pytest.mark.parametrize("former", list(Backend))
def test_a_dry_run_prints_what_will_go_and_changes_nothing(
    director: Namespace, operator: Operator, former: Backend
) -> None:
    operator.configure(former)
    assert operator.apply().exit_code == 0
    backend = IpsetBackend() if former is Backend.IPSET else NftBackend()
    rules = [rule for family in FAMILIES for rule in backend.rules(director, family)]
    before = all_names(director)
    operator.configure(former.other)

    outcome = operator.apply(dry_run=True)

    text = as_text(outcome)
    new = other(backend)
    assert f"{new.addresses(4)}: create, it does not exist\n" in text
    assert f"{backend.addresses(4)}: remove, {former} held it before\n" in text
    assert f"{backend.services(6)}: remove, {former} held it before\n" in text
    assert text.count("IPv4 rule out: ") == text.count("IPv6 rule out: ") == 1
    assert text.count("IPv4 rule in: ") == text.count("IPv6 rule in: ") == 1
    assert all_names(director) == before
    assert [rule for family in FAMILIES for rule in backend.rules(director, family)] == rules

    (report,) = json.loads(as_json(outcome))["data"]["sets"]
    assert report["plan"]["backend"] == former.other
    assert set(report["plan"]["former"]["sets"]) == {
        name
        for family in FAMILIES
        for name in (backend.addresses(family), backend.services(family))
    }
    assert len(report["plan"]["former"]["rules"]) == 2


def test_a_dry_run_names_what_is_odd_in_a_table(director: Namespace, operator: Operator) -> None:
    operator.configure(Backend.NFTABLES)
    assert operator.apply().exit_code == 0
    by_hand(director, f"nft add chain {TABLE} theirs")

    assert "  chain theirs: out, and its table made anew\n" in as_text(operator.apply(dry_run=True))
    assert "  odd        chain theirs: proxyfeed never writes that\n" in f"{operator.status()[1]}\n"


def test_the_rule_is_removed_from_either_backend(lab: Lab, database: Path, tmp_path: Path) -> None:
    whole = Operator(lab.director, database)
    assert whole.apply().exit_code == 0
    whole.configure(Backend.NFTABLES)
    shown = whole.rule("show")
    assert isinstance(shown.result, RuleResult)
    (lines,) = shown.result.rules
    assert shown.exit_code == 5
    assert [line.split()[0] for line in lines.present] == ["-A", "-A"]

    assert whole.rule("remove").exit_code == 0

    assert marks(lab, LASTING) == dict.fromkeys(LASTING, 0)
    assert [mark_rules(lab.director, program) for program in IPTABLES.values()] == [[], []]
    whole.store.close()


@EITHER
def test_removed_rules_of_both_backends_are_returned(
    director: Namespace, backend: KernelBackend
) -> None:
    converge(backend.firewall(director), backend.spec, OLD)

    assert len(remove_rules(backend.firewall(director), other(backend).spec)) == 2

    assert [backend.rules(director, family) for family in FAMILIES] == [[], []]
    assert backend.held(director) == OLD


# ------------------------------------------------------------------ what nobody owns


def test_a_table_that_no_set_owns_is_told_with_what_takes_it_out(
    director: Namespace, operator: Operator
) -> None:
    operator.configure(Backend.NFTABLES)
    assert operator.apply().exit_code == 0
    gone = replace(NftBackend().spec, name="gone")
    converge(firewall_in(director), gone, NEW)
    by_hand(
        director,
        """
        ipset create proxyfeed_gone_4 hash:net
        nft add table inet proxyfeed_gone_new
        """,
    )

    problems = operator.problems()

    assert [(one.code, one.subject, one.exit_code) for one in problems] == [
        ("orphan", "set gone", 5),
        ("orphan", "set gone", 5),
        ("orphan", "set gone", 5),
    ]
    assert "the kernel holds inet proxyfeed_gone, which no set of the" in problems[1].message
    assert [one.hint for one in problems] == [
        "proxyfeed rule remove gone, then: ipset destroy proxyfeed_gone_4",
        "nft delete table inet proxyfeed_gone",
        "nft delete table inet proxyfeed_gone_new",
    ]
    by_hand(director, "\n".join(one.hint.rpartition(": ")[2] for one in problems))
    assert operator.status()[0] == 0


# ------------------------------------------------------------------ hosts that have one of them


def programs_without(folder: Path, *absent: str) -> str:
    """
    A search path with all that proxyfeed starts, but for some.
    """
    names = {"env", "cat", "ipset", "nft"}
    names |= {f"{ip}{suffix}" for ip in IPTABLES.values() for suffix in ("", "-restore")}
    folder.mkdir()
    present = {name: name for name in names if not name.startswith(absent)}
    return str(link(folder, **present))


@pytest.mark.parametrize(
    ("backend", "absent"),
    [("ipset", ("nft",)), ("nftables", ("ipset", "iptables", "ip6tables"))],
    indirect=["backend"],
)
def test_a_host_without_the_programs_of_the_other_backend_is_served(
    director: Namespace,
    database: Path,
    tmp_path: Path,
    backend: KernelBackend,
    absent: tuple[str, ...],
) -> None:
    path = programs_without(tmp_path / "bin", *absent)
    operator = Operator(director, database, path, backend.spec.backend)

    assert operator.apply().exit_code == 0
    backend.delete(director, 4, "198.81.8.0/23")
    assert operator.status()[0] == 5
    assert operator.apply().exit_code == 0

    assert operator.status()[0] == 0
    assert backend.held(director) == CONTENT
    operator.store.close()


# What each says on a kernel that was built without it.
NO_IPSET = "ipset v7.17: Cannot open session to kernel."
NO_NFT = "src/mnl.c:60: Unable to initialize Netlink socket: Protocol not supported"


@pytest.mark.parametrize(
    ("backend", "program", "said"),
    [("ipset", "nft", NO_NFT), ("nftables", "ipset", NO_IPSET)],
    indirect=["backend"],
)
def test_a_kernel_without_the_other_backend_is_served(
    director: Namespace, tmp_path: Path, backend: KernelBackend, program: str, said: str
) -> None:
    write_program(tmp_path / program, f"echo '{said}' >&2; exit 1")
    firewall = firewall_in(director, path_with(tmp_path))

    converge(firewall, backend.spec, OLD)

    assert backend.held(director) == OLD
    assert firewall.read(backend.spec).former is None
    assert firewall.orphans(["aol"]) == ()


@pytest.mark.parametrize(
    ("backend", "program"), [("ipset", "nft"), ("nftables", "ipset")], indirect=["backend"]
)
def test_another_backend_that_cannot_be_looked_at_is_not_taken_for_an_absent_one(
    director: Namespace, tmp_path: Path, backend: KernelBackend, program: str
) -> None:
    write_program(tmp_path / program, "echo 'Input/output error' >&2; exit 1")

    with pytest.raises(CommandFailed, match=f"{program} list .* failed: Input/output error"):
        converge(firewall_in(director, path_with(tmp_path)), backend.spec, OLD)

    assert all_names(director) == set()


def test_what_ipset_left_is_not_forgotten_where_iptables_is_gone(
    director: Namespace, tmp_path: Path
) -> None:
    ipset, nftables = IpsetBackend(), NftBackend()
    converge(ipset.firewall(director), ipset.spec, OLD)
    path = programs_without(tmp_path / "bin", "iptables", "ip6tables")

    with pytest.raises(ToolMissing, match="iptables is not installed"):
        converge(firewall_in(director, path), nftables.spec, OLD)

    assert all_names(director) == IPSETS
