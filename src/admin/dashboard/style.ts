/** The dashboard's style: follows the system's light or dark setting; on a phone the tables become lists. */
export const DASHBOARD_STYLE = `:root { color-scheme: light dark;
  --text: light-dark(#1c2126, #e3e7ea); --soft: light-dark(#5a646e, #98a2ab); --line: light-dark(#d9dee2, #333b42);
  --back: light-dark(#fff, #14181b); --good: light-dark(#14713d, #5ed08f); --warn: light-dark(#8a5a00, #f0b849);
  --bad: light-dark(#b3261e, #ff8a80); }
body { margin: 0 auto; padding: 1rem; max-width: 75rem; color: var(--text); background: var(--back);
  font: 15px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 1.5rem 0 .3rem; }
p, h2 small { color: var(--soft); font-weight: normal; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: normal; border: 0; }
tbody th { font-weight: 600; }
td.number, th.number { text-align: right; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.stale main { opacity: .5; }
@media (max-width: 42rem) {
  thead { display: none; }
  tr { display: block; border-top: 1px solid var(--line); padding: .4rem 0; }
  th, td, td.number { display: flex; gap: .6rem; border: 0; padding: .05rem 0; text-align: left; }
  td::before { content: attr(data-label); color: var(--soft); flex: 0 0 6rem; }
}
`;
