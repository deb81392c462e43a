"""
How things stand: ``status``, ``rule``, ``config``, ``init`` and ``alert test``.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.model import (
    AlertTestResult,
    ConfigResult,
    FeedStatus,
    InitResult,
    Kind,
    Plan,
    RuleResult,
    SetStatus,
    Severity,
    StatusResult,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report.words import (
    addresses,
    cover_line,
    former_words,
    mark_word,
    numbers,
    percent,
    split_lines,
    trial_line,
    version_addresses,
    waiting_lines,
    when,
)

_SHOWN = 20


def status_lines(result: StatusResult) -> Iterator[str]:
    for feed in result.feeds:
        yield from _feed(feed)
    for one in result.sets:
        yield from _set(one)
    for trial in result.trials:
        yield trial_line(trial)
    for name in result.orphans:
        yield f"{name}: in the kernel, and no set of the configuration owns it"
    for target in result.deliveries:
        state = f"failed: {target.error}" if target.error else "arrived"
        yield f"alerts to {target.target}: the last one, {when(target.at)}, {state}"
    yield f"database {result.database}"
    yield f"configuration {result.config}"


def _feed(feed: FeedStatus) -> Iterator[str]:
    state = feed.state
    yield f"feed {state.feed} ({'set ' + ', '.join(feed.sets) if feed.sets else 'in no set'})"
    if state.active:
        yield (
            f"  active     version {state.active.id}, {state.active.prefixes} prefixes, "
            f"{version_addresses(state.active)}, accepted {when(state.active.accepted_at)}"
        )
        for finding in state.active.findings:
            if finding.severity is Severity.NOTE:
                yield f"  note       {finding.what}"
    else:
        yield "  active     no version yet"
    if state.pin:
        why = f": {state.pin.reason}" if state.pin.reason else ""
        yield f"  pinned     by {state.pin.by} at {when(state.pin.at)}{why}"
        if state.latest and state.latest.id != state.pin.version:
            waits = f"waits for: proxyfeed release {state.feed}"
            yield f"  newest     version {state.latest.id}, {waits}"
    for version in state.waiting:
        good = state.last_good
        gone = ", withdrawn by upstream" if good and good.version != version.id else ""
        yield f"  held       version {version.id}, since {when(version.fetched_at)}{gone}"
        yield from (f"             {finding.what}" for finding in version.findings)
    if state.last:
        detail = f": {state.last.detail}" if state.last.detail else ""
        yield f"  last try   {when(state.last.at)}, {state.last.outcome}{detail}"
    yield f"  last good  {when(state.last_good.at if state.last_good else None)}"
    yield from _clocks(feed)


def _clocks(feed: FeedStatus) -> Iterator[str]:
    if feed.stale_for is not None:
        yield f"  STALE      no good fetch for {feed.stale_for / 86400:.1f} days"
    if feed.unchanged_for is not None:
        yield f"  UNCHANGED  by upstream for {feed.unchanged_for / 86400:.1f} days"
    if feed.dead_for is not None:
        yield f"  EXPIRED    nothing but failures for {feed.dead_for / 86400:.1f} days"
    if feed.due_at is not None:
        yield f"  next       not asked before {when(feed.due_at)}"


def _set(one: SetStatus) -> Iterator[str]:
    yield f"set {one.set} (mark {one.mark})"
    what = numbers(one.versions) if one.versions else "no version yet"
    if one.cover and not one.cover.is_reached:
        what += ": REFUSED, the kernel keeps what it has"
    yield f"  desired    {addresses(one.desired)}, {what}"
    if one.split:
        yield f"  split      by {one.split.by}"
        yield from split_lines(one.split)
    if one.cover:
        yield f"  cover      {cover_line(one.cover)}"
    yield f"  applied    {when(one.applied_at)}"
    if one.note:
        yield f"  live       {one.note}"
    if one.plan is None:
        yield from _members("extra", one.extra)
        yield from waiting_lines(one.waiting, one.cover)
        return
    is_same = not (one.missing or one.extra or one.remarked)
    yield "  live       " + ("equals desired" if is_same else "DIFFERS from desired")
    yield from _members("missing", one.missing)
    yield from _members("extra", one.extra)
    for other in one.remarked:
        words = f"mark {mark_word(other.old)} instead of {mark_word(other.new)}"
        yield f"  otherwise  {addresses(other.prefixes)} have {words}"
    yield from waiting_lines(one.waiting, one.cover)
    yield from _plan(one.plan)


def _plan(plan: Plan) -> Iterator[str]:
    for planned in plan.sets:
        if planned.action != "nothing":
            yield f"  {planned.name}: {planned.why}"
    for name in plan.temporaries:
        yield f"  {name}: left over from a run that was cut off"
    yield from (f"  odd        {what}: proxyfeed never writes that" for what in plan.odd)
    if plan.former:
        yield f"  former     {former_words(plan)}"
    for rule in plan.rules:
        if rule.is_nothing and not rule.wanted:
            continue  # a table lists the family that is not served, too
        state = "in place"
        if not rule.is_nothing:
            state = "MISSING" if not rule.present else f"WRONG: {' | '.join(rule.present)}"
            state += f", and in the other tables: {' | '.join(rule.stray)}" if rule.stray else ""
        yield f"  IPv{rule.family} rule  {state}"


def _members(word: str, prefixes: PrefixSet) -> Iterator[str]:
    for count, line in enumerate(prefixes.lines()):
        if count == _SHOWN:
            yield f"  {word:<9}  ... and {len(prefixes) - _SHOWN} more"
            return
        yield f"  {word:<9}  {line}"


def rule_lines(result: RuleResult) -> Iterator[str]:
    for one in result.rules:
        if result.action == "show":
            yield f"set {one.set}, as it should be:"
            yield from (f"  {line}" for line in one.wanted)
            yield f"set {one.set}, in the kernel:"
        else:
            yield f"set {one.set}, in the kernel now:"
        yield from (f"  {line}" for line in one.present)
        if not one.present:
            yield "  no rule of ours"


def config_lines(result: ConfigResult) -> Iterator[str]:
    yield f"{result.origin}: no mistakes"
    yield f"database {result.database}"
    yield f"apply {result.apply}, heal {str(result.heal).lower()}"
    yield f"fetches and reads as {result.fetch_as}, where root runs it"
    for feed in result.feeds:
        yield f"feed {feed.name} ({feed.format})" + (
            f": {feed.about.note}" if feed.about.note else ""
        )
        yield from (f"  {url}" for url in feed.urls)
        if feed.about.kind is Kind.CDN:
            yield f"  {feed.about.kind}: only for a set whose services the CDN fronts"
        limits = feed.limits
        yield (
            f"  held beyond +{percent(limits.growth)} or -{percent(limits.shrink)} of addresses, "
            f"or wider than /{limits.widest_ipv4} and /{limits.widest_ipv6}"
        )
    for spec in result.sets:
        split = f", split by {spec.split.by}" if spec.split else ""
        cover = f", {spec.covering}" if spec.covering else ""
        yield f"set {spec.name}: feeds {', '.join(spec.feeds)}, mark {spec.marking}{split}{cover}"
        yield from (f"  virtual service {service}" for service in spec.virtual)
    for target in result.alerts:
        yield f"alerts to {target}"


def init_lines(result: InitResult) -> Iterator[str]:
    state = "written" if result.wrote_config else "there already, left as it is"
    yield f"configuration {result.config}: {state}"
    yield f"database {result.database}: ready"
    yield "next:"
    yield from (f"  {step}" for step in result.next_steps)


def alert_lines(result: AlertTestResult) -> Iterator[str]:
    for one in result.deliveries:
        yield f"{one.target}: {'failed: ' + one.error if one.error else 'sent'}"
