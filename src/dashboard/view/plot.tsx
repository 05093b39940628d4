/** One small plot of the last minutes: uPlot in the page's colours, and a caption whose numbers follow the pointer. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import { formatClock } from '../format.ts';

export interface Curve {
  readonly name: string;
  /** Of a custom property in the style sheet. */
  readonly colour: string;
  readonly values: readonly number[];
  readonly isFilled?: boolean;
  /** Drawn only where it is above 0: what should not be there is no line at the bottom. */
  readonly isRare?: boolean;
  /** What the name stands for. */
  readonly hint?: string;
}

/** A plot that has just begun is not stretched further than this. */
export const SHORTEST_S = 60;

interface Props {
  readonly title: string;
  /** Wall clock in seconds, of each value. */
  readonly times: readonly number[];
  readonly curves: readonly Curve[];
  readonly format: (value: number) => string;
  readonly unit?: string;
  readonly height?: number;
}

export function Plot({ title, times, curves, format, unit = '', height = 72 }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const theme = useThemeCount();

  useEffect(() => {
    if (box.current === null) return;
    const made = new UPlot(
      optionsOf(box.current, curves, format, height, setPointed),
      dataOf(times, curves),
      box.current,
    );
    plot.current = made;
    const resizing = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== made.width) made.setSize({ width, height });
    });
    resizing.observe(box.current);
    return () => {
      resizing.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [theme, height]);

  useEffect(() => plot.current?.setData(dataOf(times, curves)), [times, curves]);

  const at = pointed ?? times.length - 1;
  return (
    <figure class="plot">
      <figcaption>
        <span class="title">{title}</span>
        {curves.map(({ name, colour, values, hint }) => (
          <span key={name} class="value" title={hint}>
            <i class={`key ${colour}`} />
            {name} <b>{format(values[at] ?? Number.NaN)}</b>
            {unit}
          </span>
        ))}
        <span class="when">{pointed === null ? '' : formatClock((times[pointed] ?? 0) * 1_000)}</span>
      </figcaption>
      <div ref={box} class="canvas" style={{ height: `${height}px` }} />
    </figure>
  );
}

/** Counts changes of theme: a plot is made anew, because a canvas does not follow the style sheet. */
function useThemeCount(): number {
  const [count, setCount] = useState(0);
  const dark = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), []);
  useEffect(() => {
    const listen = () => setCount((before) => before + 1);
    addEventListener('themechange', listen);
    dark.addEventListener('change', listen);
    return () => {
      removeEventListener('themechange', listen);
      dark.removeEventListener('change', listen);
    };
  }, [dark]);
  return count;
}

function dataOf(times: readonly number[], curves: readonly Curve[]): UPlot.AlignedData {
  const gaps = ({ values, isRare = false }: Curve) =>
    values.map((value) => (Number.isNaN(value) || (isRare && value === 0) ? null : value));
  return [[...times], ...curves.map(gaps)];
}

function optionsOf(
  box: HTMLElement,
  curves: readonly Curve[],
  format: (value: number) => string,
  height: number,
  onPoint: (index: number | null) => void,
): UPlot.Options {
  const style = getComputedStyle(box);
  const colour = (name: string) => resolve(box, style.getPropertyValue(`--${name}`));
  const font = `10px ${style.fontFamily}`;
  const axis = { stroke: colour('soft'), font, ticks: { show: false }, grid: { stroke: colour('hair'), width: 1 } };
  return {
    width: Math.max(80, box.clientWidth),
    height,
    padding: [6, 14, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: true, range: (_, min, max) => [Math.min(min, max - SHORTEST_S), max] },
      y: { range: (_, __, max) => [0, Number.isFinite(max) && max > 0 ? max * 1.15 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 16,
        gap: 4,
        space: 90,
        grid: { show: false },
        values: (_, ticks) => ticks.map((s) => formatClock(s * 1_000).slice(0, 5)),
        incrs: [60, 120, 300],
      },
      {
        ...axis,
        size: 40,
        gap: 4,
        splits: (_, __, ___, max) => [0, roundBelow(max)],
        values: (_, ticks) => ticks.map(format),
      },
    ],
    series: [
      {},
      ...curves.map(({ colour: name, isFilled = false }) => ({
        stroke: colour(name),
        width: 1.25,
        points: { show: false },
        ...(isFilled ? { fill: colour(`${name}-wash`) } : {}),
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
  };
}

/** The largest of 1, 2, 5, 10, … that is not above `max`. */
function roundBelow(max: number): number {
  const power = 10 ** Math.floor(Math.log10(max));
  return (max >= 5 * power ? 5 : max >= 2 * power ? 2 : 1) * power;
}

/** A canvas does not know `light-dark()`: the browser computes it on an element. */
function resolve(box: HTMLElement, value: string): string {
  const probe = box.ownerDocument.createElement('span');
  probe.style.color = value;
  box.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
