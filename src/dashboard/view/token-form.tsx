/** Asks for the admin token. It goes to this tab's session storage, and to no one but the proxy that served the page. */

import { useEffect, useRef } from 'preact/hooks';

interface Props {
  readonly isTokenWrong: boolean;
  readonly onToken: (token: string) => void;
}

export function TokenForm({ isTokenWrong, onToken }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), [isTokenWrong]);
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        const token = input.current?.value.trim() ?? '';
        if (token !== '') onToken(token);
      }}
    >
      <h2>This proxy asks for its admin token</h2>
      {isTokenWrong && (
        <p class="error" role="alert">
          That token is not the right one.
        </p>
      )}
      <label for="token">Admin token</label>
      <div class="line">
        <input id="token" ref={input} type="password" autocomplete="off" spellcheck={false} required />
        <button type="submit">Show</button>
      </div>
      <p class="hint">
        It is <code>admin.token</code> of the configuration. This tab keeps it until it is closed.
      </p>
    </form>
  );
}
