/** The cache's worker, which can be told to hang. */
addEventListener('message', (event) => {
  if (event.data !== 'hang') return;
  event.stopImmediatePropagation();
  for (;;);
});
import('../../worker/main');
