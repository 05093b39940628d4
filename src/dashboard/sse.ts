/**
 * Server-sent events (WHATWG HTML §9.2.6) from chunks of text. EventSource would do this for us, but it cannot send a token.
 * Assumes what our server sends: lines that end with LF, one line of data for each message, no ids.
 */

export interface Message {
  readonly event: string;
  readonly data: string;
}

/** A decoder for one stream: takes the text as it comes, gives the messages that it completes. */
export function createSseDecoder(): (chunk: string) => Message[] {
  let rest = '';
  return (chunk) => {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    return blocks.map(messageOf).filter((message) => message !== null);
  };
}

function messageOf(block: string): Message | null {
  let event = 'message';
  let data: string | null = null;
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) data = line.slice(6);
  }
  return data === null ? null : { event, data };
}
