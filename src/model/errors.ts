/** Expected start-up failures: one clear line for the user and an exit code; never a stack. */

/** Wrong usage or invalid configuration: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something the machine refused, such as a port in use: exit code 1. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
