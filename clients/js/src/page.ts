import { crumb } from './crumbs.js';
import { ends, on, runAll, starts, startView, wrap } from './state.js';
import { seal } from './transport.js';
import { here } from './url.js';

/** Ends the page view and starts another one; restored is the event with which the page came back from the back/forward cache. */
export const newView = (restored?: Event): void => {
  // The address is already the next one's, the route still this one's.
  runAll(ends);
  seal();
  startView();
  for (const start of starts) start(restored);
};

/** Notes clicks and changes of the route as breadcrumbs, and starts a new page view when the route changes. */
export const page = (): void => {
  on(document, 'click', ({ target }: Event) => {
    const { localName, id, classList } = target as Element;
    crumb('click', [localName + (id && '#' + id), ...classList].join('.'));
  });

  let from = here();
  const moved = (isView = true): void => {
    const to = here();
    if (to === from) return;
    crumb('navigation', from + ' > ' + to);
    from = to;
    // A router that corrects the address while it starts does not show another page.
    if (isView) newView();
  };
  for (const name of ['pushState', 'replaceState']) wrap(history, name, () => () => moved(name === 'pushState'));
  on(window, 'popstate', () => moved());
};
