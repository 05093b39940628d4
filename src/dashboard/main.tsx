/** Begins the dashboard: one store, the connection that feeds it, and the page that shows it. */

import { render } from 'preact';
import { Connection } from './connection.ts';
import { Store } from './store.ts';
import { App } from './view/app.tsx';

const store = new Store();
const connection = new Connection(store);
render(<App store={store} connection={connection} />, document.body);
connection.start();
