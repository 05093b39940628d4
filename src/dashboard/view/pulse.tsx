/** A backend's heartbeat: a dot that beats once for each beat that came, and a word when it does not beat well. */

import type { BackendReport } from '../../model/report.ts';

export function Pulse({ heartbeat }: { readonly heartbeat: BackendReport['heartbeat'] }) {
  if (heartbeat === null) return <span class="pulse none">–</span>;
  const { verdict, seq } = heartbeat;
  return (
    <span class={`pulse ${verdict}`} title={`heartbeat ${verdict}, number ${seq}`}>
      <i key={seq} />
      <span class={verdict === 'alive' ? 'unseen' : ''}>{verdict}</span>
    </span>
  );
}
