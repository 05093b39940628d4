/** Light, dark, or as the system has it; remembered in this browser. */

import { useEffect, useState } from 'preact/hooks';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const KEY = 'pulsegate.theme';

export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(
    () => THEMES.find((known) => known === localStorage.getItem(KEY)) ?? 'auto',
  );
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
    // Plots are drawn with the colours of the moment they were made in.
    dispatchEvent(new Event('themechange'));
  }, [theme]);
  return (
    <fieldset class="theme">
      <legend class="unseen">Theme</legend>
      {THEMES.map((name) => (
        <label key={name}>
          <input type="radio" name="theme" checked={theme === name} onChange={() => setTheme(name)} />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}
