/** What an operator can do to a backend. Each change is asked back once, with what it will mean for the traffic, before it is made. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { BackendReport, UpstreamReport } from '../../model/report.ts';
import type { Intent } from '../../model/status.ts';
import { applyChange, type Change, type Target } from '../api.ts';
import { formatPercent } from '../format.ts';

interface Props {
  readonly target: Target;
  readonly backend: BackendReport;
  readonly upstream: UpstreamReport | undefined;
  /** null = not known yet. */
  readonly intent: Intent | null;
  readonly share: number;
  readonly onChanged: () => void;
}

export function IntentControls(props: Props) {
  const { backend, intent, onChanged } = props;
  const [asked, setAsked] = useState<Change | null>(null);
  const [weight, setWeight] = useState('');
  const wanted = Number(weight);
  const isWeight = weight.trim() !== '' && wanted > 0 && Number.isFinite(wanted);
  return (
    <fieldset class="controls" aria-label="Change this backend">
      <button type="button" disabled={intent === 'draining'} onClick={() => setAsked({ kind: 'drain' })}>
        Drain
      </button>
      <button type="button" disabled={intent === 'disabled'} onClick={() => setAsked({ kind: 'disable' })}>
        Disable
      </button>
      <button type="button" disabled={intent === 'enabled'} onClick={() => setAsked({ kind: 'enable' })}>
        Enable
      </button>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isWeight) setAsked({ kind: 'weight', weight: wanted });
        }}
      >
        <input
          type="text"
          inputMode="decimal"
          aria-label="New weight"
          placeholder={String(backend.weight)}
          value={weight}
          onInput={(event) => setWeight(event.currentTarget.value)}
        />
        <button type="submit" disabled={!isWeight}>
          Set weight
        </button>
      </form>
      {asked !== null && (
        <Confirmation
          {...props}
          change={asked}
          onDone={(isDone) => {
            setAsked(null);
            if (!isDone) return;
            setWeight('');
            onChanged();
          }}
        />
      )}
    </fieldset>
  );
}

function Confirmation({
  target,
  backend,
  upstream,
  share,
  change,
  onDone,
}: Props & { change: Change; onDone: (isDone: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const isLast =
    backend.available && upstream?.available === 1 && (change.kind === 'drain' || change.kind === 'disable');
  const confirm = async () => {
    setBusy(true);
    setError(null);
    const result = await applyChange(target, change);
    setBusy(false);
    if (result.ok) onDone(true);
    else setError(result.message);
  };
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={() => onDone(false)}>
      <h2 id="confirm-title">
        {titleOf(change)} {target.upstream}/{target.backend}?
      </h2>
      <p>{meaningOf(change, backend, share)}</p>
      {isLast && <p class="banner bad">It is the last backend of {target.upstream} that is available.</p>}
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <div class="line">
        <button type="button" class="primary" disabled={isBusy} onClick={() => void confirm()}>
          {titleOf(change)}
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  );
}

function titleOf(change: Change): string {
  switch (change.kind) {
    case 'drain':
      return 'Drain';
    case 'disable':
      return 'Disable';
    case 'enable':
      return 'Enable';
    case 'weight':
      return `Set weight ${change.weight} for`;
  }
}

function meaningOf(change: Change, { in_flight, weight }: BackendReport, share: number): string {
  const traffic = Number.isFinite(share) ? ` It has ${formatPercent(share)} of the traffic now.` : '';
  switch (change.kind) {
    case 'drain':
      return `New requests go to the others; those in flight (${in_flight}) and sticky sessions finish here.${traffic}`;
    case 'disable':
      return `It gets no request any more, sticky sessions included; those in flight (${in_flight}) finish.${traffic}`;
    case 'enable':
      return 'It takes part again as far as the evidence lets it, beginning slowly.';
    case 'weight':
      return `It gets ${change.weight} instead of ${weight} until the file changes or the proxy restarts.${traffic}`;
  }
}
