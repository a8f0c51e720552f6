/**
 * The panel's style sheet. Colours come in pairs through `light-dark()`, so that one `color-scheme` decides; each
 * pair keeps 4.5:1 against what it stands on. The layout asks the panel's own width, not the window's. Nothing moves:
 * figures jump to their new value, so there is no motion to reduce. In the bar of sources an empty box stands before
 * each label: one that does not fit beside it wraps out of sight instead of being cut. Lists scroll within their card and
 * are contained, so that what changes in one is laid out without the rest of the page.
 */
export const STYLES = `
:host {
  --surface: light-dark(#fff, #161d1b);
  --line: light-dark(#dfe5e2, #2c3734);
  --border: light-dark(#82908b, #64746e);
  --ink: light-dark(#17211e, #e7eeeb);
  --muted: light-dark(#56645f, #a0b0aa);
  --memory: light-dark(#0f766e, #5eead4);
  --disk: light-dark(#1d5fbf, #8fc1ff);
  --remote: light-dark(#7a3fc4, #cdb4fe);
  --origin: light-dark(#a8500a, #fbc46d);
  --bad: light-dark(#b3261e, #ffb4ab);
  color: var(--ink);
  color-scheme: light dark;
  container-type: inline-size;
  display: block;
  font-size: .875rem;
  line-height: 1.45;
}
:host([theme=light]) { color-scheme: light }
:host([theme=dark]) { color-scheme: dark }
:host([hidden]), [hidden], .note:empty { display: none !important }
* { box-sizing: border-box; margin: 0; padding: 0 }
.memory, .ok { --tone: var(--memory) }
.disk { --tone: var(--disk) }
.remote, .joined { --tone: var(--remote) }
.origin, .degraded, .warning, .miss { --tone: var(--origin) }
.failed, .failing, .critical, .corrupt, .collision { --tone: var(--bad) }

.grid { display: grid; gap: .75rem; grid-template-columns: repeat(12, minmax(0, 1fr)) }
section {
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: .75rem;
  display: flex;
  flex-direction: column;
  gap: .75rem;
  contain: layout style;
  grid-column: span 12;
  min-width: 0;
  padding: 1rem;
}
h3 { font-size: .875rem; font-weight: 600 }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem }
dl div { display: flex; flex-direction: column-reverse; justify-content: flex-end; min-width: 0 }
dt, small, thead, .note, .tier span { color: var(--muted); font-size: .75rem }
dd, .status { font-size: 1.125rem; font-weight: 600 }
dd, td, small { font-variant-numeric: tabular-nums }
b, tbody th, .status { color: var(--tone, var(--muted)); font-weight: 600 }

.hit-rate, .tier { gap: .375rem }
.hit-rate > dl { gap: .25rem 1.25rem }
.hit-rate > dl dd { font-size: clamp(1.25rem, 6cqi, 1.75rem); letter-spacing: -.02em; line-height: 1.2 }
svg { border-block: 1px solid var(--line); flex: 1 0 6rem; height: 6rem; overflow: visible }
path { fill: none; stroke: var(--tone, var(--ink)); stroke-linejoin: round; stroke-width: 2; vector-effect: non-scaling-stroke }
path.disk { stroke-dasharray: 2 3 }
path.memory { stroke-dasharray: 7 3 }
path.all { stroke-width: 2.5 }
.scale, .tier { align-items: baseline; display: flex; flex-wrap: wrap; justify-content: space-between }
.legend { display: flex; gap: .875rem }
.legend i { border-top: 2px solid var(--tone, var(--ink)); display: inline-block; margin-inline-end: .375rem; vertical-align: middle; width: 1.25rem }
.legend .memory i { border-top-style: dashed }
.legend .disk i { border-top-style: dotted }

.spread { display: grid; gap: .5rem 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 8rem), 1fr)); margin-top: auto }
.spread > div { display: flex; flex-direction: column }
.spread svg { border-top: 0; flex: none; height: 2.25rem; overflow: hidden; width: 100% }
.spread path { fill: var(--tone); stroke: none }

.bar { background: var(--line); border-radius: .5rem; display: flex; flex: none; gap: 2px; height: 1.75rem; overflow: hidden }
.bar span {
  background: var(--tone);
  color: var(--surface);
  display: flex;
  flex: 0 1 0;
  flex-wrap: wrap;
  font-weight: 600;
  justify-content: center;
  line-height: 1.75rem;
  min-width: 4px;
  overflow: hidden;
}
.bar span::before { content: ''; height: 100% }
table { border-collapse: collapse; width: 100% }
th, td { border-top: 1px solid var(--line); padding: .375rem 0 .375rem .75rem; text-align: end; white-space: nowrap }
:is(th, td):first-child { overflow-wrap: anywhere; padding: .375rem 0; text-align: start; white-space: normal }
:is(.sources, .saved, .hit-rate) :is(th, td):first-child { white-space: nowrap }
:is(.sources, .saved, .hit-rate) :is(th, td) { padding-block: .25rem }
thead th { border: 0 }
.scroll thead th { background: var(--surface); position: sticky; top: 0; z-index: 1 }

.meter { background: var(--line); border-radius: 1rem; flex: 0 0 100%; height: .625rem; margin-block: .375rem .125rem; overflow: hidden; position: relative }
.meter * { inset: 0 auto 0 0; position: absolute }
.used { background: var(--tone) }
.pinned { background: repeating-linear-gradient(135deg, transparent 0 3px, var(--surface) 3px 5px) }
.meter i { border-inline-end: 2px solid var(--ink) }
.tier small { flex: 0 0 100% }
meter, progress { appearance: none; background: var(--line); border: 0; border-radius: 1rem; height: .5rem; overflow: hidden; width: 100% }
::-webkit-meter-bar { background: none; border: 0; height: .5rem }
::-webkit-progress-bar { background: none }
::-webkit-meter-optimum-value, ::-webkit-progress-value { background: var(--memory) }
::-moz-meter-bar, ::-moz-progress-bar { background: var(--memory) }
:is(.health, .upkeep) dd, .details dd { font-size: .875rem }
.alerts { display: grid; gap: .5rem; list-style: none; margin-top: .375rem }
.alerts:empty { display: none }
.alerts li { display: block; border: 0; border-inline-start: 3px solid var(--tone); padding: 0 0 0 .625rem }
.alerts small { display: block }

.scroll { contain: content; max-height: 24rem; overflow: auto }
.log .scroll { contain: strict; height: 24rem }
.wide { overflow-x: auto }
td small { display: block }
td span { -webkit-box-orient: vertical; -webkit-line-clamp: 2; display: -webkit-box; overflow: hidden }
.collections table { min-width: 34rem }
.details td { border: 0; padding: .25rem 0 .875rem; white-space: normal }
.details dl { display: grid; gap: .375rem 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); margin-bottom: .625rem }
.details dd { font-weight: 400; overflow-wrap: anywhere }
.details dl div:last-child { grid-column: 1 / -1 }
.details button { margin: 0 }

button, input, select { background: none; border: 1px solid var(--border); border-radius: .5rem; color: inherit; font: inherit; height: 2rem; min-width: 2rem }
button { cursor: pointer; line-height: 1.3; padding-inline: .5rem }
td button { margin-inline-start: .25rem; padding-inline: .375rem }
section > button { align-self: start }
button:hover, [aria-pressed=true] { background: var(--line) }
[aria-disabled=true] { cursor: default; opacity: .6 }
.name { border-color: transparent; font-weight: 600; height: auto; margin: 0; min-height: 2rem; overflow-wrap: anywhere; padding-inline: .375rem; text-align: start; text-decoration: underline; text-underline-offset: .2em; white-space: normal }
input, select { padding-inline: .5rem; width: 100% }
option { background: var(--surface) }
[type=checkbox] { accent-color: var(--memory); flex: none; height: 1.125rem; min-width: 0; width: 1.125rem }
.check { align-items: center; display: flex; gap: .5rem }
td > button:first-child + small { padding-inline-start: .4375rem }
.fields { align-items: end; display: flex; flex-wrap: wrap; gap: .5rem }
.fields label { flex: 1 1 8rem; min-width: 0 }
.fields label:nth-child(2) { flex: 0 1 7rem }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem }
.chip { max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
:focus-visible { outline: 2px solid var(--disk); outline-offset: -2px }
.more { margin: .375rem 0; width: 100% }

ol { list-style: none }
li {
  align-items: baseline;
  border-top: 1px solid var(--line);
  display: grid;
  gap: .625rem;
  grid-template-columns: auto 4.25rem 1fr auto;
  padding-block: .25rem;
}
.log li { contain-intrinsic-height: auto 1.75rem; content-visibility: auto }
li > span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.alerts span { white-space: normal }

@container (max-width: 30rem) {
  .entries :is(th, td):nth-child(3), .sources :is(th, td):nth-child(3) { display: none }
  .sources :is(th, td):not(:first-child) { padding-inline-start: .25rem }
  .collections :is(th, td):is(:nth-child(3), :nth-child(4)) { display: none }
  .collections table { min-width: 0 }
  .collections td:last-child { line-height: 2.25rem; white-space: normal }
}
@container (min-width: 44rem) {
  .hit-rate, .sources { grid-column: span 6 }
  .held, .saved, .health { grid-column: span 4 }
}
@container (min-width: 60rem) {
  .collections, .entries { grid-column: span 7 }
  .upkeep, .log { grid-column: span 5 }
  .collections[hidden] + .upkeep { grid-column: span 12 }
}
`;
