"""PDUs, events and results of commands as lines of text. Pure: the time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli.paint import Paint, Style, local_time, moment_at, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apcbridge.cli.shapes import EntryShape, FiguresShape, LoadShape, MeterShape, NmcShape, OutletShape, PduShape

_STATUS_STYLES = {
    "confirmed": Style.GOOD,
    "accepted": Style.SOFT,
    "refused": Style.WARN,
    "expired": Style.WARN,
    "duplicate": Style.WARN,
    "failed": Style.BAD,
    "unknown": Style.BAD,
}
_METER_STYLES = {"near_overload": (Style.WARN,), "overload": (Style.BAD, Style.STRONG)}
_QUIET_EVENTS = frozenset({"outlet_changed", "link_restored", "requested_reboot"})


def pdu_lines(pdu: PduShape, now_at: float, paint: Paint) -> Iterator[str]:
    """Show a PDU: what it is and how current, its load, its card, its outlets."""
    info = pdu["info"]
    facts = [info["model"], f"firmware {info['firmware']}" if info["firmware"] else None] if info else []
    yield "  ".join([paint(pdu["pdu"], Style.STRONG), *(fact for fact in facts if fact), _currency(pdu, now_at, paint)])
    link = pdu["link"]
    if link["state"] != "up":
        detail = f": {link['detail']}" if link["detail"] else ""
        since = span(now_at - moment_at(link["since"]))
        trouble = f"link {link['state']} for {since}{detail}"
        yield f"  {paint(trouble, Style.WARN)}"
    if pdu["load"]:
        yield f"  load  {_load(pdu['load'], paint)}"
    if pdu["nmc"]:
        yield f"  card  {_nmc(pdu['nmc'], now_at, paint)}"
        yield from (f"        {line}" for line in _restarts(pdu["nmc"], paint))
    width = max((len(outlet["name"]) for outlet in pdu["outlets"]), default=0)
    for outlet in pdu["outlets"]:
        yield _outlet(outlet, width, now_at, paint)


def entry_line(entry: EntryShape, paint: Paint) -> str:
    """Show an event or a step of a command on one line."""
    where = f"{entry['pdu']}{_outlet_of(entry)}"
    if entry["kind"] == "result":
        status = paint(entry["status"], _STATUS_STYLES.get(entry["status"], Style.SOFT))
        through = "" if entry["origin"] == entry["principal"] else f" through {entry['origin']}"
        what = f"{_words(entry['command'])} {status} (by {entry['principal']}{through}, id {entry['id']})"
        detail = entry["detail"]
    else:
        kind = entry["event_type"]
        what = paint(_words(kind), *(() if kind in _QUIET_EVENTS else (Style.WARN,)))
        detail = ", ".join(_details(entry))
    return f"{paint(local_time(entry['ts']), Style.SOFT)}  {where}: {what}{f': {detail}' if detail else ''}"


def _details(entry: EntryShape) -> Iterator[str]:
    """Show what an event tells beside its kind and its place, which also name the cause of a restart."""
    shown = {"kind", "id", "ts", "pdu", "outlet", "event_type", "name", "cause"}
    for key, value in entry.items():
        if key in shown or value in (None, ""):
            continue
        match key, value:
            case "at", str():
                yield f"at {local_time(value)}"
            case "command_id", _:
                yield f"by command {value}"
            case "action", str():
                yield _words(value)
            case (("detail" | "evidence" | "reason" | "state" | "where"), _):
                yield str(value)
            case _:
                yield f"{key} {value}"


def changes(before: PduShape | None, after: PduShape, paint: Paint) -> Iterator[str]:
    """Show what is different in a PDU, without the time."""
    name = after["pdu"]
    if before is None or before["freshness"] != after["freshness"]:
        style = Style.GOOD if after["freshness"] == "fresh" else Style.WARN
        yield f"{name}: readings {paint(after['freshness'], style)}"
    if before is None or before["link"]["state"] != after["link"]["state"]:
        detail = after["link"]["detail"]
        yield f"{name}: link {after['link']['state']}{f': {detail}' if detail else ''}"
    known = {outlet["number"]: outlet for outlet in before["outlets"]} if before else {}
    for outlet in after["outlets"]:
        old = known.get(outlet["number"])
        if old is None or (old["state"], old["pending"]) != (outlet["state"], outlet["pending"]):
            yield f"{name} outlet {outlet['number']} {outlet['name']}: {_state(outlet, paint)}{_pending(outlet, paint)}"


def _currency(pdu: PduShape, now_at: float, paint: Paint) -> str:
    if pdu["read_at"] is None:
        return paint("not read yet", Style.BAD)
    age = f"read {span(now_at - moment_at(pdu['read_at']))} ago"
    if pdu["available"]:
        return paint(age, Style.GOOD)
    return paint(f"{pdu['freshness']}, {age}", Style.BAD if pdu["freshness"] == "lost" else Style.WARN)


def _load(load: LoadShape, paint: Paint) -> str:
    total = [f"{load['amperes']:.1f} A" if load["amperes"] is not None else None]
    total.append(f"{load['watts']} W" if load["watts"] is not None else None)
    meters = [*((m, "phase") for m in load["phases"]), *((m, "bank") for m in load["banks"])]
    parts = [part for part in total if part] + [_meter(meter, kind, paint) for meter, kind in meters]
    return ", ".join(parts)


def _meter(meter: MeterShape, kind: str, paint: Paint) -> str:
    if meter["amperes"] is None:
        return f"{kind} {meter['index']} not known"
    text = f"{kind} {meter['index']} {meter['amperes']:.1f} A"
    if meter["state"] in _METER_STYLES:
        return paint(f"{text} {_words(meter['state'])}", *_METER_STYLES[meter["state"]])
    return text


def _nmc(nmc: NmcShape, now_at: float, paint: Paint) -> str:
    parts = ["up time not known" if nmc["uptime_s"] is None else f"up {span(nmc['uptime_s'])}"]
    if nmc["reboot_count"]:
        count = nmc["reboot_count"]
        parts.append(f"{count} restart{'s' if count > 1 else ''}, {nmc['watchdog_reboot_count']} by its watchdog")
    if nmc["last_reboot"]:
        last = nmc["last_reboot"]
        parts.append(f"last {span(now_at - moment_at(last['at']))} ago ({last['cause']})")
    if nmc["next_expected"] and nmc["uptime_s"] is not None:
        left_s = moment_at(nmc["next_expected"]) - now_at
        when = f"next expected in {span(left_s)}" if left_s > 0 else f"the next is overdue by {span(-left_s)},"
        error_s = nmc["next_expected_error_s"]
        within = f" give or take {span(error_s)}" if error_s is not None else ""
        parts.append(paint(f"{when}{within}", Style.WARN))
    return ", ".join(parts)


def _restarts(nmc: NmcShape, paint: Paint) -> Iterator[str]:
    """Show how often and how regularly the card restarts of late, and why."""
    if any(nmc["statistics"][name]["count"] for name in ("24h", "7d")):
        yield "restarts " + "; ".join(_figures(name, figures) for name, figures in nmc["statistics"].items())
    if nmc["diagnosis"]:
        yield paint(nmc["diagnosis"], Style.WARN)


def _figures(name: str, figures: FiguresShape) -> str:
    text = f"{name} {figures['count']}"
    if figures["interval_s"] is None:
        return text
    jitter = f" +- {span(figures['jitter_s'])}" if figures["jitter_s"] is not None else ""
    return f"{text}, every {span(figures['interval_s'])}{jitter}"


def _outlet(outlet: OutletShape, width: int, now_at: float, paint: Paint) -> str:
    notes = [_pending(outlet, paint).strip()]
    if outlet["policy"] != "normal":
        notes.append(paint(outlet["policy"], Style.SOFT))
    last = outlet["last_command"]
    if last:
        status = "" if last["status"] == "confirmed" else f" {last['status']}"
        ago = span(now_at - moment_at(last["ts"]))
        notes.append(paint(f"{_words(last['command'])}{status} by {last['principal']} {ago} ago", Style.SOFT))
    text = ", ".join(note for note in notes if note)
    state = _state(outlet, paint) + " " * (8 - len(_plain_state(outlet)))
    return f"  {outlet['number']:>3}  {outlet['name']:<{width}}  {state} {text}".rstrip()


def _plain_state(outlet: OutletShape) -> str:
    return outlet["state"] or f"was {outlet['last_state']}"


def _state(outlet: OutletShape, paint: Paint) -> str:
    styles = {"ON": (Style.GOOD, Style.STRONG), "OFF": (Style.STRONG,)}.get(outlet["state"] or "", (Style.SOFT,))
    return paint(_plain_state(outlet), *styles)


def _pending(outlet: OutletShape, paint: Paint) -> str:
    if not outlet["pending"]:
        return ""
    return " " + paint(f"{_words(outlet['pending_command'] or 'a delayed command')} pending", Style.WARN)


def _outlet_of(entry: EntryShape) -> str:
    if entry.get("outlet") is not None:
        name = entry.get("name")
        return f" outlet {entry['outlet']}{f' ({name})' if name else ''}"
    return " all outlets" if entry["kind"] == "result" else ""


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
