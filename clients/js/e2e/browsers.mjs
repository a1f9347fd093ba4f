// The browsers of this machine.
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const which = (...names) => {
  for (const name of names.filter(Boolean)) {
    try {
      return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
    } catch { /* the next one */ }
  }
};

export const CHROMIUM = which(process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome');
export const FIREFOX = which(process.env.FIREFOX, 'firefox-esr', 'firefox');

/** Starts Chromium as a person has it: with the back/forward cache. */
export const startChromium = () => chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
});

/** Starts Firefox, driven by WebDriver BiDi. */
export const startFirefox = () => puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, timeout: 120_000 });
