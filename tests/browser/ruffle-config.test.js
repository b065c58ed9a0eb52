// What `flashgate ruffle-config` prints, run as the script of a page. It needs no browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import vm from "node:vm";

import { PROGRAM } from "./program.js";

/** Runs the script in a page that has told Ruffle something before; gives what Ruffle is told then. */
function told(args, { protocol = "http:", before } = {}) {
    const script = execFileSync(PROGRAM, ["ruffle-config", ...args], { encoding: "utf8" });
    const window = before === undefined ? {} : { RufflePlayer: before };
    vm.runInNewContext(script, { window, location: { protocol } });
    // Values of the page are of another realm.
    return JSON.parse(JSON.stringify(window.RufflePlayer));
}

const HOST = ["--host", "chat.example.com"];
const HOSTS = ["chat.example.com", "null", "localhost"];

/** The entries for these hosts. */
function entries(proxyUrl, port = 8080) {
    return HOSTS.map((host) => ({ host, port, proxyUrl }));
}

test("a page that has told Ruffle nothing yet", () => {
    const expected = { config: { socketProxy: entries("ws://chat.example.com:8080/") } };
    assert.deepEqual(told(HOST), expected);
});

test("what a page has told Ruffle before stays", () => {
    const other = { host: "other", port: 1, proxyUrl: "ws://other/" };
    const before = { config: { autoplay: "on", socketProxy: [other] }, sources: {} };
    const after = told(HOST, { before });
    assert.equal(after.config.autoplay, "on");
    assert.deepEqual(after.sources, {});
    assert.deepEqual(after.config.socketProxy, [other, ...entries("ws://chat.example.com:8080/")]);
});

test("two scripts, one after the other", () => {
    const first = told([...HOST, "--port", "80"]);
    const both = told(HOST, { before: first });
    const expected = [...entries("ws://chat.example.com/", 80), ...entries("ws://chat.example.com:8080/")];
    assert.deepEqual(both.config.socketProxy, expected);
});

test("a page that is https connects by wss, and no other page has to", () => {
    const of = (args, protocol) => told([...HOST, ...args], { protocol }).config.socketProxy[0].proxyUrl;
    assert.equal(of([], "https:"), "wss://chat.example.com:8080/");
    assert.equal(of([], "http:"), "ws://chat.example.com:8080/");
    assert.equal(of(["--tls"], "http:"), "wss://chat.example.com:8080/");
    assert.equal(of(["--url", "ws://a.example/ws:x"], "https:"), "wss://a.example/ws:x");
});
