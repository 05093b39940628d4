/**
 * The dashboard's files, as `npm run build` made them of src/dashboard. Read once, when the admin server starts, so that an
 * upgrade on disk never mixes two versions. They hold no data, so they are served without the token.
 */

import { readFileSync } from 'node:fs';
import { type Answer, failure } from '../answer.ts';

/** The same folder from src/ and from dist/. */
const FOLDER = new URL('../../../dist/dashboard/', import.meta.url);

const FILES = {
  page: ['index.html', 'text/html; charset=utf-8'],
  script: ['app.js', 'text/javascript; charset=utf-8'],
  style: ['app.css', 'text/css; charset=utf-8'],
  icon: ['icon.svg', 'image/svg+xml'],
} as const;

export type Asset = keyof typeof FILES;

/** Only our own files and our own API; no markup from strings (trusted types), no form, no frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const NOT_BUILT = failure(404, 'not_built', 'the dashboard has not been built: npm run build');

export type Dashboard = Readonly<Record<Asset, Answer>>;

/** Answers for each file; where there is no build, they say so. */
export function readDashboard(): Dashboard {
  return { page: read('page'), script: read('script'), style: read('style'), icon: read('icon') };
}

function read(asset: Asset): Answer {
  const [file, type] = FILES[asset];
  try {
    const body = readFileSync(new URL(file, FOLDER), 'utf8');
    return { status: 200, type, body, headers: { 'content-security-policy': POLICY } };
  } catch {
    return NOT_BUILT;
  }
}
