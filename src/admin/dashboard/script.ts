/**
 * The dashboard's script: asks /health every second and redraws. Everything that comes from the server is set with
 * textContent, never as markup. A token lives in this variable only, so closing the page forgets it.
 */
export const DASHBOARD_SCRIPT = `'use strict';
const TONES = { up: 'good', ok: 'good', suspect: 'warn', trial: 'warn', starting: 'warn', degraded: 'warn',
  draining: 'warn', disabled: 'warn', ejected: 'bad', down: 'bad', panic: 'bad' };
const COLUMNS = ['backend', 'status', 'weight', 'in flight', 'p50 / p99 ms', 'reason'];
const NUMBERS = new Set(['weight', 'in flight', 'p50 / p99 ms']);
const byId = (id) => document.getElementById(id);
let token = '';

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function latency(report) {
  return report ? report.p50.toFixed(1) + ' / ' + report.p99.toFixed(1) : '–';
}

function backendRow(backend) {
  const row = element('tr');
  const values = [backend.id, backend.status, backend.effective_weight.toFixed(2), backend.in_flight,
    latency(backend.latency_ms), backend.reason];
  values.forEach((value, i) => {
    const label = COLUMNS[i];
    const tone = label === 'status' ? TONES[value] : NUMBERS.has(label) ? 'number' : '';
    const cell = element(i === 0 ? 'th' : 'td', String(value), tone);
    cell.dataset.label = label;
    row.append(cell);
  });
  return row;
}

function pool(name, upstream) {
  const section = element('section');
  const title = element('h2', name + ' ');
  title.append(element('span', upstream.panic ? 'panic' : upstream.status, TONES[upstream.status]),
    element('small', ' ' + upstream.available + ' of ' + upstream.total + ' available, ' + upstream.balance));
  const table = element('table');
  const head = element('tr');
  head.append(...COLUMNS.map((label) => element('th', label, NUMBERS.has(label) ? 'number' : '')));
  table.append(element('thead'), element('tbody'));
  table.tHead.append(head);
  table.tBodies[0].append(...upstream.backends.map(backendRow));
  section.append(title, table);
  return section;
}

function show(health) {
  byId('summary').textContent = health.status + ', version ' + health.version + ', generation ' + health.generation +
    ', up ' + Math.round(health.uptime_seconds) + ' s';
  byId('summary').className = TONES[health.status];
  byId('pools').replaceChildren(...Object.entries(health.upstreams).map(([name, upstream]) => pool(name, upstream)));
}

async function refresh() {
  try {
    const headers = token === '' ? {} : { authorization: 'Bearer ' + token };
    const answer = await fetch('/health', { headers, cache: 'no-store', signal: AbortSignal.timeout(4000) });
    const locked = answer.status === 401;
    byId('login').hidden = !locked;
    if (locked) {
      byId('summary').textContent = token === '' ? 'The admin token is needed.' : 'That token is not the right one.';
      byId('pools').replaceChildren();
      return;
    }
    show(await answer.json());
    document.body.classList.remove('stale');
  } catch {
    document.body.classList.add('stale');
    byId('summary').textContent = 'No answer from the proxy; what follows is old.';
  }
  setTimeout(refresh, 1000);
}

byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  token = byId('token').value;
  byId('token').value = '';
  refresh();
});
refresh();
`;
