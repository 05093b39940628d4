/** `pulsegate schema`: the configuration's JSON Schema, for editors. */

import { configJsonSchema } from '../config/json-schema.ts';
import { readArguments } from './args.ts';
import type { Command } from './context.ts';

export const schemaCommand: Command = async (args, context) => {
  readArguments({ args: [...args], options: {} });
  context.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  return 0;
};
