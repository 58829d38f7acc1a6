"""The pages that a browser shows when it comes back from Intuit's consent.

Each is one file without a script, and says what has become of the connection. It shows nothing of
the answer itself, neither code nor state.
"""

import html
from collections.abc import Sequence

#: No script, no picture, no frame; no address goes on to the next page, and nothing is kept.
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6876; --paper: #fff; --ground: #eef1f4;
  --good: #1b7f4b; --bad: #b3401f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf0; --soft: #a3afbb; --paper: #1e252d;
  --ground: #14191f; --good: #5fd095; --bad: #ff9775; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground);
  color: var(--ink); font: 17px/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { box-sizing: border-box; width: min(34rem, 92vw); margin: 2rem 0; padding: 2.25rem 2.5rem;
  background: var(--paper); border-radius: 14px; border-top: 6px solid var(--tone);
  box-shadow: 0 1px 2px #0002, 0 12px 32px #0001; overflow-wrap: anywhere; }
main.good { --tone: var(--good); } main.bad { --tone: var(--bad); }
.who { margin: 0 0 1.25rem; color: var(--soft); font-size: .85rem; letter-spacing: .04em; }
h1 { margin: 0 0 1rem; font-size: 1.55rem; line-height: 1.25; color: var(--tone); }
p { margin: 0 0 .8rem; } p:last-child { margin: 1.4rem 0 0; color: var(--soft); font-size: .92rem; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .92em;
  white-space: nowrap; }
"""


def page(title: str, words: Sequence[str], *, good: bool) -> bytes:
    """Return a page; texts are escaped, and what is in `backquotes` is shown as a command.

    The last paragraph, in small print, says what to do now.
    """
    paragraphs = "".join(f"<p>{_marked(text)}</p>" for text in words)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)} - Clockbooks</title><style>{_STYLE}</style></head>"
        f'<body><main class="{"good" if good else "bad"}"><div class="who">Clockbooks</div>'
        f"<h1>{html.escape(title)}</h1>{paragraphs}</main></body></html>"
    ).encode(errors="replace")


def _marked(text: str) -> str:
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:  # a lone backquote is only a backquote
        return html.escape(text)
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )
