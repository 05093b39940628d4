/**
 * `reload`: the running Pulsegate reads its configuration anew. A file that it refuses is told as `check` tells it, with exit code 2;
 * what runs goes on as it was.
 */

import { formatProblem } from '../config/problem.ts';
import { UsageError } from '../model/errors.ts';
import { printable, withAdmin } from './admin-client.ts';
import type { Command } from './context.ts';

export const reloadCommand: Command = (args, context) =>
  withAdmin(args, context, [], async (admin, { positionals }) => {
    if (positionals.length > 0) throw new UsageError(`reload takes no ${JSON.stringify(positionals[0])}.`);
    const reloaded = await admin.reload();
    if (reloaded.ok) {
      context.out(`reloaded: generation ${reloaded.generation}\n`);
      return 0;
    }
    const { problems, message } = reloaded;
    const lines = problems.length === 0 ? [message] : problems.map(formatProblem);
    context.err(lines.map((line) => `${printable(line)}\n`).join(''));
    context.err('Not reloaded: the configuration before it stays in force.\n');
    return 2;
  });
