// What pages with parts that load anew add; core.js comes before it.
(() => {
'use strict';
const doc = document, { $, typing, notice, span, drawTimes } = window.core;

// <ml-live fragment="issues" every="30"> gets its content anew from the server.
class Live extends HTMLElement {
  connectedCallback() {
    this.at = Date.now();
    this.every = Number(this.getAttribute('every')) * 1000;
    if (!this.every) return;
    this.timer = setInterval(() => this.tick(), this.every);
    this.wake = () => { if (!doc.hidden && Date.now() - this.at >= this.every) this.tick(); };
    doc.addEventListener('visibilitychange', this.wake);
    addEventListener('online', this.wake);
  }
  disconnectedCallback() {
    clearInterval(this.timer);
    doc.removeEventListener('visibilitychange', this.wake);
    removeEventListener('online', this.wake);
  }
  // The reader is in the middle of something.
  busy() {
    return doc.hidden || typing(doc.activeElement) || $('[data-check]:checked', this) || $('dialog[open],details.menu[open]') ||
      (String(getSelection()) && this.contains(getSelection().anchorNode));
  }
  // For a reader who asked and waits, a slow answer is said; at once it would flash.
  async tick(asked) {
    if (this.running || this.busy()) return;
    this.running = true;
    const name = this.getAttribute('fragment'), slow = asked && setTimeout(notice, 300, 'live-notice', '', 'Loading…');
    const old = () => `What you see is ${span((Date.now() - this.at) / 1000)} old.`;
    try {
      const answer = await fetch(location.href, { headers: { 'X-Fragment': name }, signal: AbortSignal.timeout(20000) });
      if (answer.ok && answer.headers.get('X-Fragment') === name) {
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        if (!this.busy()) this.swap(page.body);
        this.at = Date.now();
        notice('live-notice');
      } else if (answer.ok) {
        notice('live-notice', 'warn', 'Your session has ended.', { href: location.href, text: 'Sign in again' });
      } else {
        const id = answer.headers.get('X-Request-Id');
        notice('live-notice', 'bad', `The service answered ${answer.status}${id ? ' (request ' + id + ')' : ''}. ${old()}`);
      }
    } catch {
      notice('live-notice', 'bad', `${navigator.onLine ? 'The service cannot be reached' : 'You are offline'}. ${old()}`);
    }
    clearTimeout(slow);
    this.running = false;
  }
  swap(body) {
    const focused = this.contains(doc.activeElement) && doc.activeElement.getAttribute('href');
    const again = $('ml-live', body);
    // A page that waited for its first data has no controls for them yet.
    if (this.hasAttribute('once') && !again?.hasAttribute('once')) { location.reload(); return; }
    if (again) { this.replaceWith(doc.adoptNode(again)); } else { this.replaceChildren(...body.childNodes); }
    drawTimes();
    if (focused) $(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    doc.dispatchEvent(new Event('ml-swap'));
  }
}
customElements.define('ml-live', Live);
doc.addEventListener('click', (e) => {
  const button = e.target.closest?.('[data-refresh]');
  const live = $('ml-live');
  if (!button || !live) return;
  e.preventDefault();
  live.tick(true);
});
})();
