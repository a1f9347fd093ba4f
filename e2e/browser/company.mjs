// The four services with what a small company has in them.
import { day as logDay, send as sendLines } from './lines.mjs';
import { day as metricDay, send as sendPoints } from './metrics.mjs';
import { Session } from './pages.mjs';
import { relayAPI, someTraffic } from './relay.mjs';
import { ship, shopWindow } from './reports.mjs';
import { startStack } from './stack.mjs';

// startCompany starts the stack, fills it and signs in once at each service. The
// result has the stack, a session by service, and screens: the main pages of each.
export async function startCompany(browser, extra) {
  const stack = await startStack(extra);
  try {
    stack.errors.report = (body) => stack.errors.post('/api/errors', body);
    await shopWindow(stack.errors, [5, 9, 2, 3, 1, 4, 2, 1, 2, 1]);
    const { id } = await stack.errors.report(ship(44));
    const projects = await stack.errors.api('/api/projects?details=true');
    const project = projects.details.find((p) => p.name === 'shop').id;
    const release = (await stack.errors.api(`/api/projects/${project}/releases`)).releases[0].id;
    await sendLines(stack.logs, logDay(1200));
    await sendPoints(stack.metrics, metricDay());
    const key = await someTraffic(relayAPI(stack.relay.url, stack.relay.key));
    const sessions = {};
    for (const name of ['errors', 'logs', 'metrics', 'relay']) sessions[name] = await new Session(browser, stack[name]).signIn();
    const position = new URLSearchParams({ test_project: 'shop', test_release: '1.4.1', test: 'https://shop.example/assets/app.min.js:1:2' });
    return {
      stack, sessions, id, key, stop: stack.stop,
      screens: {
        errors: ['/?state=all', `/errors/${id}`, '/releases', `/releases/${release}`, '/projects', `/projects/${project}`, `/projects/${project}/settings`, `/projects/${project}/rules`, '/ingest', '/alerts', '/search', '/status'],
        logs: ['/', '/?search=Traceback&level=ERROR', '/live', '/containers', '/logs/7', '/status'],
        metrics: ['/', '/explore?metric=http_request_duration_seconds&by=endpoint', '/dashboards', '/cardinality', '/status'],
        relay: ['/', `/keys/${key.id}`, '/traffic', `/source-maps?${position}`, '/status'],
      },
    };
  } catch (err) {
    await stack.stop();
    throw err;
  }
}
