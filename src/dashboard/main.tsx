/** Begins the dashboard. */
document.body.textContent = 'Pulsegate';
