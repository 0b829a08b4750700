"""A message as HTML mail: inline styles, dark on white, no remote content, readable on a phone."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined

from flightwatch.notify import text
from flightwatch.telling import Message

COLOURS = {"high": "#b42318", "watch": "#b54708", "info": "#475467"}
"""Severity bars: red, amber, grey, each at least 4.5:1 against white (WCAG 2.1 §1.4.3)."""

TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>{{ title }}</title>
</head>
<body style="margin:0;padding:0;background:#ffffff;">
<div style="max-width:640px;margin:0 auto;padding:20px 16px;font-family:-apple-system,'Segoe UI',Helvetica,Arial,\
sans-serif;font-size:15px;line-height:1.45;color:#1d2939;">
{% if doubtful %}
<p style="margin:0 0 12px;padding:8px 12px;background:#f2f4f7;font-size:14px;">{{ repeat }}</p>
{% endif %}
<div style="border-left:4px solid {{ colour }};padding-left:12px;margin:0 0 16px;">
<div style="font-size:12px;font-weight:600;letter-spacing:0.04em;color:{{ colour }};">{{ tag }}</div>
<div style="font-size:19px;line-height:1.3;font-weight:600;color:#101828;">{{ headline }}</div>
</div>
{% for part in summary %}
<p style="margin:0 0 12px;">{{ part }}</p>
{% endfor %}
{% if link %}
<p style="margin:0 0 12px;"><a href="{{ link }}" style="color:#175cd3;">{{ page }}</a></p>
{% endif %}
{% if picture %}
<p style="margin:16px 0;"><img src="cid:{{ picture }}" alt="Map of the flights" width="640" \
style="display:block;width:100%;max-width:640px;height:auto;border:1px solid #eaecf0;"></p>
{% endif %}
{% for label, value in facts %}
<div style="margin:0;padding:7px 0;border-top:1px solid #eaecf0;">
<div style="font-size:12px;color:#475467;">{{ label }}</div>
<div>{{ value }}</div>
</div>
{% endfor %}
{% for heading, rows, total in groups %}
<div style="font-size:16px;font-weight:600;color:#101828;margin:24px 0 6px;">{{ heading }}</div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;">
{% for row in rows %}
<tr>
<td style="padding:8px 0;border-top:1px solid #eaecf0;vertical-align:top;">
<div style="font-size:13px;color:#475467;">{{ row.departed }}</div>
<div><strong style="color:#101828;">{{ row.who }}</strong>{{ " " }}{{ row.what }}{{ " " }}\
<span style="font-family:Consolas,Menlo,monospace;font-size:13px;color:#475467;">{{ row.icao24 }}</span>{{ " " }}\
{% if row.link %}<a href="{{ row.link }}" style="font-size:13px;color:#175cd3;">track</a>{% endif %}</div>
<div>{{ row.origin }} &rarr; {{ row.destination }}</div>
{% if row.aside %}
<div style="font-size:13px;color:#475467;">{{ row.aside }}</div>
{% endif %}
</td>
</tr>
{% endfor %}
</table>
{% if total > rows|length %}
<p style="margin:8px 0 0;font-size:14px;color:#475467;">&hellip; and {{ total - rows|length }} more</p>
{% endif %}
{% endfor %}
{% if notes %}
<div style="font-size:16px;font-weight:600;color:#101828;margin:24px 0 6px;">What this is not</div>
<ul style="margin:0;padding:0 0 0 18px;font-size:14px;color:#344054;">
{% for note in notes %}
<li style="margin:0 0 6px;">{{ note }}</li>
{% endfor %}
</ul>
{% endif %}
{% if footer %}
<div style="margin:24px 0 0;padding:10px 12px;background:#f2f4f7;font-size:13px;">
{% for label, command in footer %}
<div style="margin:0 0 4px;">{% if label %}<span style="color:#475467;">{{ label }}</span> {% endif %}\
<code style="font-family:Consolas,Menlo,monospace;color:#101828;word-break:break-word;">{{ command }}</code></div>
{% endfor %}
</div>
{% endif %}
<p style="margin:16px 0 0;font-size:12px;color:#667085;">Sent by flightwatch. {{ uid }}</p>
</div>
</body>
</html>
"""


@cache
def _template() -> Any:
    """Autoescape is off by default in Jinja2; here everything inserted is foreign text."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE)


def html(message: Message, *, doubtful: bool = False, picture: str = "") -> str:
    """The mail's HTML; `picture` is the content id of the map."""
    tag, _, headline = message.title.removeprefix("[flightwatch] ").partition(" ")
    if tag.lower().rstrip(":") not in (*COLOURS, "closed", "notice", "test"):
        tag, headline = message.severity.upper(), message.title
    elif headline.startswith("update: "):
        tag, headline = f"{tag} · UPDATE", headline.removeprefix("update: ")
    page: str = _template().render(
        title=message.title,
        doubtful=doubtful,
        repeat=text.REPEAT_NOTE,
        colour=COLOURS.get(message.severity, COLOURS["info"]),
        tag=tag,
        headline=headline,
        summary=message.summary.splitlines(),
        picture=picture,
        link=message.link,
        page=text.PAGE,
        facts=message.facts,
        groups=[(heading, [_row(row) for row in rows], total) for heading, rows, total in text.legs(message)],
        notes=message.notes,
        footer=[_command(line) for line in message.footer.splitlines()],
        uid=message.uid,
    )
    return page


def _row(row: dict[str, str]) -> dict[str, str]:
    named = [row[k] for k in ("callsign", "registration") if row.get(k)]
    return {
        "departed": row.get("departed", "time unknown"),
        "who": " ".join(named) or "identity unknown",
        "what": row.get("typecode", ""),
        "icao24": row.get("icao24", ""),
        "link": row.get("link", ""),
        "origin": row.get("from", "unknown"),
        "destination": row.get("to", "unknown"),
        "aside": text.asides(row),
    }


def _command(line: str) -> tuple[str, str]:
    label, colon, command = line.partition(": ")
    return (f"{label}:", command.strip()) if colon and len(label) < 30 else ("", line)
