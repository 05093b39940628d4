/** `weight UPSTREAM/BACKEND N`: the backend's share of the traffic, until the configuration gives it another. */

import { UsageError } from '../model/errors.ts';
import { parseTarget, withAdmin } from './admin-client.ts';
import type { Command } from './context.ts';
import { changedLine } from './intent.ts';

export const weightCommand: Command = (args, context) =>
  withAdmin(args, context, [], async (admin, { positionals }) => {
    const [name = '', number = '', ...rest] = positionals;
    const target = parseTarget(name);
    const weight = /^\d*\.?\d+$/.test(number) ? Number(number) : 0;
    if (rest.length > 0 || weight <= 0 || weight === Number.POSITIVE_INFINITY) {
      throw new UsageError(`weight takes UPSTREAM/BACKEND and a number above 0, received ${JSON.stringify(number)}.`);
    }
    context.out(changedLine(name, await admin.change('PUT', target, 'weight', { weight })));
    return 0;
  });
