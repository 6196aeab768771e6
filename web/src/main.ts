// Starts the pages.

import './tokens.css';
import './base.css';
import { mount } from 'svelte';
import App from './App.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');
// The name stands there until the script has run, so that something is seen at once.
target.replaceChildren();
mount(App, { target });
