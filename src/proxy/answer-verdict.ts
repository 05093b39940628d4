/**
 * What an answer over HTTP/2 says about its backend. Over HTTP that is its status; gRPC says it inside a 200, behind the body or in
 * place of one, and until then nobody knows.
 */

import type { ResponseHead } from '../http1/response-head.ts';
import { fieldValue } from '../http2/incoming-answer.ts';
import { isGrpcType } from '../http2/outgoing-request.ts';
import { type OutcomeClass, outcomeOfStatus } from '../model/outcome.ts';
import { isClientsDeadline, judgedStatusOf } from './grpc.ts';

export class AnswerVerdict {
  private readonly head: ResponseHead;
  private readonly isGrpc: boolean;
  /** That the client has given a gRPC call; Infinity = as much as it takes. */
  private readonly timeoutMs: number;
  private isKnown = false;
  private grpcStatus: string | null = null;
  /** The client's time was up, and that is how the call ended. */
  private isExcused = false;

  /** @param list the fields of `head` */
  constructor(head: ResponseHead, list: readonly string[], timeoutMs: number) {
    this.head = head;
    this.isGrpc = head.status === 200 && isGrpcType(fieldValue(list, 'content-type'));
    this.timeoutMs = timeoutMs;
  }

  /**
   * The backend has said its last: `head.judgedStatus` is settled.
   * @param list the trailers, or the fields of a head that nothing follows
   * @param elapsedMs since the call began
   */
  conclude(list: readonly string[], elapsedMs: number): void {
    if (!this.isGrpc || this.isKnown) return;
    this.isKnown = true;
    this.grpcStatus = fieldValue(list, 'grpc-status');
    this.isExcused = isClientsDeadline(this.grpcStatus, elapsedMs, this.timeoutMs);
    this.head.judgedStatus = this.isExcused ? 200 : judgedStatusOf(this.grpcStatus);
  }

  get outcome(): OutcomeClass {
    return this.isExcused ? 'client_abort' : outcomeOfStatus(this.head.judgedStatus);
  }

  /** Why the answer counts as a failure, for people; '' when it does not. */
  get failure(): string {
    const { status, judgedStatus } = this.head;
    if (judgedStatus < 500) return '';
    return judgedStatus === status ? `status ${status}` : `grpc-status ${this.grpcStatus ?? 'missing'}`;
  }
}
