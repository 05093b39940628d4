/** The dashboard's page: a frame without data, so it may be served without the token. The script fills it in. */
export const DASHBOARD_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pulsegate</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/app.css">
<script src="/app.js" defer></script>
</head>
<body>
<header><h1>Pulsegate</h1><p id="summary" role="status">Connecting…</p></header>
<form id="login" hidden>
<label>Admin token <input id="token" type="password" autocomplete="off" required></label>
<button>Show</button>
</form>
<main id="pools"></main>
</body>
</html>
`;
