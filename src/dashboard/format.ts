/** Numbers and times as the dashboard writes them: short, and of steady width, so that nothing moves as they change. */

const NONE = '–';

/** `0`, `0.4`, `12`, `1.2k`, `3.4M`. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  if (value >= 999_950) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 9_999.5) return `${(value / 1e3).toFixed(1)}k`;
  return value < 9.95 && value > 0 ? value.toFixed(1) : String(Math.round(value));
}

/** Whole numbers without a fraction, up to four digits. */
export function formatWhole(value: number): string {
  return Number.isFinite(value) && value < 10 ? String(Math.round(value)) : formatCount(value);
}

/** A counter: every digit up to 9999. */
export function formatTotal(value: number): string {
  return value < 9_999.5 ? String(value) : formatCount(value);
}

/** Milliseconds: `0.4`, `12`, `1.2 s`. */
export function formatMs(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return NONE;
  if (value >= 999.5) return `${(value / 1_000).toFixed(1)} s`;
  return value < 9.95 && value > 0 ? value.toFixed(1) : String(Math.round(value));
}

/** How long something takes or lasts, with its unit: `131 ms`, `3.1 s`. */
export function formatSpan(ms: number): string {
  return ms < 999.5 ? `${formatMs(Math.max(0, ms))} ms` : formatMs(ms);
}

export function formatPercent(fraction: number): string {
  if (!Number.isFinite(fraction)) return NONE;
  const percent = fraction * 100;
  return percent > 0 && percent < 9.95 ? `${percent.toFixed(1)} %` : `${Math.round(percent)} %`;
}

export function formatWeight(value: number): string {
  return value >= 99.5 ? String(Math.round(value)) : value.toFixed(2);
}

/** `3 s`, `4 min`, `2 h`, `5 d`: how long something has lasted. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `14:03:59`, in the reader's own time zone. */
export function formatClock(iso: string | number): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
