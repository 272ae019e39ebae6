"""The style sheet of the sandbox's pages: system fonts, light and dark; some pages are always light."""

from markupsafe import Markup

STYLE = Markup("""
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --tint: #f1f0ea; --ink: #17211c; --soft:
  #55635b; --line: #d9dbd3; --edge: #7d887f; --accent: #0b5d3b; --on-accent: #fff; --bad: #a3231a;
  --bad-tint: #fbeae8; --note: #4b3a06; --note-tint: #fdf3d3; }
@media (prefers-color-scheme: dark) { :root:not(.light) { --paper: #121714; --card: #1a211d; --tint:
  #161c18; --ink: #eaf0ec; --soft: #a3b1a8; --line: #313b35; --edge: #78867d; --accent: #6fcf9c;
  --on-accent: #08170f; --bad: #ff9c92; --bad-tint: #3a1d1b; --note: #f4dc96; --note-tint: #332a10; } }
.light { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); accent-color: var(--accent); font:
  1rem/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1, h2, h3, p, ul, dl, fieldset { margin: 0; padding: 0; }
h1 { font-size: clamp(1.35rem, 1.1rem + 1.2vw, 1.75rem); line-height: 1.2; letter-spacing: -.01em; }
h2 { font-size: 1.0625rem; line-height: 1.3; }
a { color: var(--accent); text-underline-offset: .18em; }
.note { background: var(--note-tint); color: var(--note); padding: .5rem 1rem; text-align: center;
  font-size: .875rem; }
.page { max-width: 66rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2rem);
  display: grid; gap: clamp(1.5rem, 4vw, 4rem); }
.narrow { max-width: 36rem; }
.stack { display: grid; gap: 1rem; align-content: start; }
.tight { gap: .375rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: clamp(1rem,
  3vw, 1.75rem); }
.soft { color: var(--soft); } .small { font-size: .875rem; }
.sum { font-size: clamp(2rem, 1.6rem + 2vw, 2.75rem); line-height: 1.1; font-weight: 650; letter-spacing:
  -.02em; }
.sum, .lines, time, td { font-variant-numeric: tabular-nums; }
.lines div { display: flex; justify-content: space-between; gap: 1rem; padding: .625rem 0; border-top: 1px
  solid var(--line); }
.lines dd { margin: 0; white-space: nowrap; } .lines .total { font-weight: 650; }
fieldset { border: 0; display: grid; gap: .75rem; min-width: 0; }
legend { padding: 0 0 .5rem; font-weight: 650; }
.field { display: grid; gap: .25rem; min-width: 0; }
.field label { font-size: .875rem; font-weight: 550; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; align-items: start; }
input:not([type=radio], [type=checkbox]), select,
textarea { width: 100%; min-height: 3rem; padding: .5rem .75rem; font: inherit; color: inherit;
  background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
::placeholder { color: var(--soft); opacity: 1; }
[aria-invalid=true] { border-color: var(--bad) !important; }
.error { color: var(--bad); font-size: .875rem; }
.choice { display: flex; gap: .625rem; align-items: baseline; padding: .625rem .875rem; border: 1px solid
  var(--edge); border-radius: 10px; }
.choice:has(:checked) { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
button,
.button { display: inline-block; min-height: 3rem; padding: .625rem 1.25rem; font: inherit; font-weight:
  600; border: 1px solid var(--accent); border-radius: 10px; background: var(--accent); color:
  var(--on-accent); cursor: pointer; text-align: center; text-decoration: none; }
button:hover, .button:hover { filter: brightness(1.08); }
.quiet { background: transparent; color: var(--accent); }
.wide { width: 100%; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.alert { background: var(--bad-tint); color: var(--bad); border-radius: 10px; padding: .75rem 1rem; }
.result { background: var(--tint); border-radius: 10px; padding: .75rem 1rem; }
.times .button { padding-inline: .25rem; }
.times { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: .5rem; }
.days { display: grid; grid-template-columns: repeat(auto-fill, minmax(3.75rem, 1fr)); gap: .5rem;
  list-style: none; }
.days a { display: grid; justify-items: center; padding: .375rem .5rem; border-radius: 10px; border: 1px
  solid var(--line); text-decoration: none; line-height: 1.25; font-size: .875rem; }
.days a[aria-current] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; } caption { text-align: left; padding:
  .5rem 0; }
th,
td { text-align: left; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); vertical-align:
  top; }
.scroll { overflow-x: auto; } pre { overflow-x: auto; font-size: .8125rem; white-space: pre-wrap; }
code { font-size: .875em; overflow-wrap: anywhere; } details summary { cursor: pointer; color:
  var(--accent); }
form:has(#bank-method:checked) .for-card, form:has(#card-method:checked) .for-bank { display: none; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; } .row > .field { flex: 1 1 10rem; }
.row > .field:has(#match, #do) { flex-basis: 20rem; }
@media (max-width: 40rem) { .records :is(table, caption, tbody, tr, td) { display: block; }
  .records thead { display: none; } .records td { border: 0; padding: .125rem 0; }
  .records tr { border-top: 1px solid var(--line); padding: .5rem 0; } }
@media (min-width: 56rem) { .two { grid-template-columns: 1fr 1.15fr; } .split { grid-template-columns:
  18rem 1fr; } }
""")
