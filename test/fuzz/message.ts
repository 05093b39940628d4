/** What a parser made of one message in a stream of bytes: the terms in which two parsers are compared. */
export interface Message {
  /** `GET /path`, or the status code. */
  start: string;
  minor: number;
  /** Lines of the head, dropped ones included. */
  lines: number;
  /** Payload, as latin1. */
  body: string;
  /** Its end was seen. */
  complete: boolean;
}
