import { guard } from './guard.js';
import { metric } from './metrics.js';
import { ends, isMeasured, look, on, starts, undo } from './state.js';

// What the type definitions of the browser do not have yet.
type Entry = PerformanceEntry & { interactionId?: number; hadRecentInput?: boolean; value?: number; processingStart?: number };
type Navigation = PerformanceNavigationTiming & { activationStart?: number };

/** Measures how the page feels: LCP, INP, CLS, FCP, TTFB, FID and the load time; each once in a page view. */
export const vitals = (): void => {
  if (!isMeasured) return;
  // Nobody has seen the page yet.
  if ((document as Document & { prerendering?: boolean }).prerendering) on(document, 'prerenderingchange', measure);
  else measure();
};

function measure(): void {
  const activationStart = (performance.getEntriesByType('navigation')[0] as Navigation | undefined)?.activationStart || 0;
  const device = innerWidth < 768 ? 'mobile' : 'desktop';

  let reported: string[] = [];
  const report = (name: string, value: number): void => {
    if (reported.includes(name)) return;
    reported.push(name);
    metric('histogram', name, Math.max(value, 0), { device });
  };
  const vital = (name: string, value: number): void => report('web_vitals_' + name, value);
  const sinceActivation = (name: string, time: number): void => vital(name, time - activationStart);

  // Of a page that is not seen nothing is painted: what is measured after it was hidden says nothing.
  let isSeen = !document.hidden;
  let largest = 0;
  let shift = 0;
  let session = 0;
  let sessionStart = 0;
  let sessionEnd = 0;
  // The longest event of each interaction.
  let slowest: Record<number, number> = {};
  let interactionsBefore = 0;

  const observe = (type: string, seen: (entry: Entry) => void): PerformanceObserver | undefined => {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
    const observer = new PerformanceObserver(
      guard((list) => {
        look();
        list.getEntries().forEach(seen);
      }),
    );
    observer.observe({ type, buffered: true, durationThreshold: 40 } as PerformanceObserverInit);
    ends.push(() => observer.takeRecords().forEach(seen));
    undo.push(() => observer.disconnect());
    return observer;
  };

  observe('paint', ({ name, startTime }) => {
    if (isSeen && name === 'first-contentful-paint') sinceActivation('fcp', startTime);
  });
  observe('largest-contentful-paint', ({ startTime }) => {
    if (isSeen) largest = startTime;
  });
  const hasShifts = observe('layout-shift', ({ hadRecentInput, value, startTime }) => {
    if (hadRecentInput) return;
    // A window ends after a second without shifts, and after five in all.
    if (!session || startTime - sessionEnd > 1_000 || startTime - sessionStart > 5_000) {
      session = 0;
      sessionStart = startTime;
    }
    sessionEnd = startTime;
    session += value!;
    shift = Math.max(shift, session);
  });
  const interaction = ({ interactionId: id, duration }: Entry): void => {
    if (id) slowest[id] = Math.max(slowest[id] || 0, duration);
  };
  observe('event', interaction);
  observe('first-input', (entry) => {
    interaction(entry);
    vital('fid', entry.processingStart! - entry.startTime);
  });

  // Comes when the page has loaded.
  observe('navigation', (entry) => {
    const { responseStart, loadEventEnd } = entry as Navigation;
    if (responseStart) sinceActivation('ttfb', responseStart);
    if (loadEventEnd > activationStart) report('page_load_time', loadEventEnd - activationStart);
  });

  const interactions = (): number => (performance as { interactionCount?: number }).interactionCount || 0;
  const finishPaint = (): void => {
    if (largest) sinceActivation('lcp', largest);
  };
  ends.push(() => {
    finishPaint();
    // A page on which nothing was painted cannot have shifted.
    if (hasShifts && reported.includes('web_vitals_fcp')) vital('cls', shift);
    // One of each fifty interactions may be slower than what is reported.
    const durations = Object.values(slowest).sort((a, b) => b - a);
    const slow = durations[Math.min(durations.length - 1, ((interactions() - interactionsBefore) / 50) | 0)];
    if (slow) vital('inp', slow);
    isSeen &&= !document.hidden;
  });
  // After input the browser looks for nothing larger.
  on(window, 'keydown click', ({ isTrusted }: Event) => {
    if (isTrusted) finishPaint();
  });
  starts.push((restored) => {
    largest = shift = session = 0;
    slowest = {};
    interactionsBefore = interactions();
    // What belongs to the loading of a page is not measured again when a script shows another one.
    reported = restored ? [] : reported.filter((name) => !/cls|inp/.test(name)).concat('web_vitals_lcp');
    if (!restored) return;
    isSeen = true;
    // The page is painted at once, and leaves no entries.
    requestAnimationFrame(() =>
      requestAnimationFrame(
        guard(() => {
          for (const name of ['fcp', 'lcp']) vital(name, performance.now() - restored.timeStamp);
        }),
      ),
    );
  });
}
