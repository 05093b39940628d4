/**
 * What went wrong with TLS to a backend, in a sentence that names the backend and says what to do. The codes are those of
 * node and OpenSSL; what none of them says is told in their own words.
 */

/** Code of the errors made here; their message is for people. */
export const TLS_FAILURE = 'TLS_FAILURE';

/** The backend, as people and certificates name it. */
export interface NamedBackend {
  readonly id: string;
  /** Name that its certificate must carry. */
  readonly name: string;
}

type Sentence = (backend: NamedBackend, error: NodeJS.ErrnoException) => string;

/** Names of a certificate that are shown. */
const SHOWN_CHARACTERS = 120;

const UNTRUSTED: Sentence = ({ id }) =>
  `certificate of ${id} comes from an unknown authority: name that in tls.ca_file, or have ${id} send its intermediate certificates`;
const WANTS_CERTIFICATE: Sentence = ({ id }) =>
  `${id} did not take the handshake: if it asks for a client certificate, set tls.cert_file and tls.key_file`;
const NO_TLS: Sentence = ({ id }) => `${id} does not speak TLS on that port: should its url begin with http://?`;
const NO_VERSION: Sentence = ({ id }) => `${id} speaks no TLS version from 1.2 on`;

const SENTENCES: Readonly<Record<string, Sentence>> = {
  CERT_HAS_EXPIRED: ({ id }) => `certificate of ${id}, or one above it, has expired: renew it there`,
  CERT_NOT_YET_VALID: ({ id }) => `certificate of ${id} is not valid yet: compare the clocks of both machines`,
  CERT_REVOKED: ({ id }) => `certificate of ${id} was revoked: renew it there`,
  INVALID_PURPOSE: ({ id }) => `certificate of ${id} is not meant for servers: issue one that is`,
  DEPTH_ZERO_SELF_SIGNED_CERT: ({ id }) => `certificate of ${id} is self-signed: name it in tls.ca_file to trust it`,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ id, name }, error) =>
    `certificate of ${id} is not valid for ${name}${namesIn(error)}: set tls.server_name to a name that it carries`,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_HTTP_REQUEST: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_VERSION,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_VERSION,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: WANTS_CERTIFICATE,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ({ id }) =>
    `${id} asks for a client certificate: set tls.cert_file and tls.key_file`,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ({ id }) => `${id} does not know the authority of our certificate (tls.cert_file)`,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ({ id }) => `${id} does not take our certificate (tls.cert_file)`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: ({ id }) => `${id} says that our certificate has expired (tls.cert_file)`,
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: ({ id, name }) =>
    `${id} knows no host ${name}: set tls.server_name to one that it serves`,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: ({ id }) =>
    `${id} does not offer the upstream's protocol over TLS (ALPN)`,
};

/** The error as one whose message is for people; itself when TLS has nothing to do with it. */
export function explainTlsError(error: NodeJS.ErrnoException, backend: NamedBackend): NodeJS.ErrnoException {
  const code = error.code ?? '';
  const sentence = SENTENCES[code]?.(backend, error);
  if (sentence !== undefined) return tlsFailure(sentence);
  // OpenSSL's verdicts on certificates have no prefix and no system call; a handshake cut off is a reset without one.
  if (code.startsWith('ERR_SSL_')) return tlsFailure(`TLS with ${backend.id} failed: ${reasonOf(error)}`);
  if (code === 'ECONNRESET' && error.syscall === undefined && 'localAddress' in error) {
    return tlsFailure(`${backend.id} closed the connection during the TLS handshake`);
  }
  return error;
}

/** An error whose message is for people. */
export function tlsFailure(sentence: string): NodeJS.ErrnoException {
  return Object.assign(new Error(sentence), { code: TLS_FAILURE });
}

function namesIn(error: NodeJS.ErrnoException): string {
  const { cert } = error as { cert?: { readonly subjectaltname?: unknown } };
  const names = typeof cert?.subjectaltname === 'string' ? cert.subjectaltname : '';
  return names === '' ? '' : ` (it names ${names.slice(0, SHOWN_CHARACTERS)})`;
}

function reasonOf(error: NodeJS.ErrnoException): string {
  const { reason } = error as { reason?: unknown };
  return typeof reason === 'string' ? reason : (error.code ?? error.message);
}
