/**
 * The panel's style sheet. Colours come in pairs through `light-dark()`, so that one `color-scheme` decides; each
 * pair keeps 4.5:1 against what it stands on. The layout asks the panel's own width, not the window's. Nothing moves:
 * figures jump to their new value, so there is no motion to reduce. In the bar of sources an empty box stands before
 * each label: one that does not fit beside it wraps out of sight instead of being cut.
 */
export const STYLES = `
:host {
  --surface: light-dark(#fff, #161d1b);
  --line: light-dark(#dfe5e2, #2c3734);
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
.remote { --tone: var(--remote) }
.origin, .degraded { --tone: var(--origin) }
.failed, .failing, .warning, .corrupt, .collision { --tone: var(--bad) }

.grid { display: grid; gap: .75rem; grid-template-columns: repeat(12, minmax(0, 1fr)) }
section {
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: .75rem;
  display: flex;
  flex-direction: column;
  gap: .75rem;
  grid-column: span 12;
  padding: 1rem;
}
h3 { font-size: .875rem; font-weight: 600 }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem }
dl div { display: flex; flex-direction: column-reverse; justify-content: flex-end }
dt, small, thead, .note, .tier span { color: var(--muted); font-size: .75rem }
dd, .status { font-size: 1.125rem; font-weight: 600 }
dd, td, small { font-variant-numeric: tabular-nums }
b, tbody th, .status { color: var(--tone, var(--muted)); font-weight: 600 }

.hit-rate { gap: .375rem }
svg { border-block: 1px solid var(--line); flex: 1 0 6rem; height: 6rem; overflow: visible }
path { fill: none; stroke: var(--memory); stroke-linejoin: round; stroke-width: 2; vector-effect: non-scaling-stroke }
.scale, .tier { align-items: baseline; display: flex; flex-wrap: wrap; justify-content: space-between }

.bar { background: var(--line); border-radius: .5rem; display: flex; gap: 2px; height: 1.75rem; overflow: hidden }
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
thead th { background: var(--surface); border: 0; position: sticky; top: 0 }

meter { appearance: none; background: var(--line); border: 0; border-radius: 1rem; height: .5rem; margin-top: .375rem; overflow: hidden; width: 100% }
::-webkit-meter-bar { background: none; border: 0; height: .5rem }
::-webkit-meter-optimum-value { background: var(--tone) }
::-moz-meter-bar { background: var(--tone) }
.health dd { font-size: .875rem }
.alerts { white-space: pre-line }

.scroll { max-height: 24rem; overflow: auto }
td small { display: block }
td span { -webkit-box-orient: vertical; -webkit-line-clamp: 2; display: -webkit-box; overflow: hidden }
button { background: none; border: 1px solid var(--line); border-radius: .5rem; color: inherit; cursor: pointer; font: inherit; height: 2rem; margin-inline-start: .375rem; min-width: 2rem }
button:hover { background: var(--line) }
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
li span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }

@container (min-width: 44rem) {
  .hit-rate, .sources { grid-column: span 6 }
  .held { grid-column: span 4 }
  .saved { grid-column: span 3 }
  .health { grid-column: span 5 }
}
@container (min-width: 60rem) {
  .entries { grid-column: span 7 }
  .log { grid-column: span 5 }
}
`;
