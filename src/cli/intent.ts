/** `drain`, `enable`, `disable UPSTREAM/BACKEND`: what the operator wants of a backend. */

import { UsageError } from '../model/errors.ts';
import type { BackendDetail } from '../model/report.ts';
import { parseTarget, printable, withAdmin } from './admin-client.ts';
import type { Command } from './context.ts';

/** Open requests finish, new ones go elsewhere. */
export const drainCommand: Command = intentCommand('drain');
/** Takes back `drain` and `disable`: evidence alone decides again. */
export const enableCommand: Command = intentCommand('enable');
/** No requests, whatever evidence says. */
export const disableCommand: Command = intentCommand('disable');

/** One line about a backend after a change: `app/b is up: weight 2, 3 in flight; 2 probes passed`. */
export function changedLine(name: string, detail: BackendDetail): string {
  const facts = `weight ${detail.weight}, ${detail.in_flight} in flight`;
  return `${printable(`${name} is ${detail.status}: ${facts}; ${detail.reason}`)}\n`;
}

function intentCommand(action: 'drain' | 'enable' | 'disable'): Command {
  return (args, context) =>
    withAdmin(args, context, [], async (admin, { positionals }) => {
      const [name = '', ...rest] = positionals;
      if (rest.length > 0) throw new UsageError(`${action} takes one UPSTREAM/BACKEND.`);
      const detail = await admin.change('POST', parseTarget(name), action, {});
      context.out(changedLine(name, detail));
      return 0;
    });
}
