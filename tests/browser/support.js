// What every browser test needs: the program as a user starts it, a browser, and a raw TCP client.
//
// FLASHGATE names the program (see program.js), CHROMIUM the browser (default
// /usr/bin/chromium). Everything listens on the loopback address, on ports that the system picks.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { PROGRAM } from "./program.js";

/** How long anything may take on a slow machine before a test gives up, in milliseconds. */
export const PATIENCE = 20_000;


/**
 * Starts the program and waits until it listens.
 *
 * @param options.members  who may log in: `[{ id, nick, name, password }]`; default: `--demo`, which
 *                         is 1 alice secret1, 2 bob secret2 and 3 carol secret3
 * @param options.port     where to listen (default: a free port)
 * @param options.folder   the folder of an earlier server, to start again with its members
 * @param options.args     more options of `serve`
 * @param options.prepare  called with the server's folder before it starts
 * @returns a `Server`
 */
export async function startServer({ members, port = 0, folder, args = [], prepare } = {}) {
    if (!existsSync(PROGRAM)) {
        throw new Error(`${PROGRAM} is missing: cargo build --release, or set FLASHGATE`);
    }
    const home = folder ?? (await mkdtemp(path.join(tmpdir(), "flashgate-browser-")));
    for (const member of members ?? []) {
        await addMember(home, member);
    }
    await prepare?.(home);
    const stored = members !== undefined || folder !== undefined;
    const store = stored ? ["--members", "members.db"] : ["--demo"];
    const child = spawn(PROGRAM, ["serve", "--listen", `127.0.0.1:${port}`, ...store, ...args], {
        cwd: home,
        stdio: ["ignore", "pipe", "pipe"],
    });
    const server = new Server(child, home);
    try {
        await server.listening();
    } catch (error) {
        await server.stop();
        throw error;
    }
    return server;
}

/** A running program; `port`, `url` (of the chat page) and `log` (its lines so far) are for tests. */
export class Server {
    log = [];
    #child;
    #ended;
    #diagnostics = "";

    constructor(child, folder) {
        this.folder = folder;
        this.#child = child;
        this.#ended = once(child, "exit");
        // A test that dies half-way leaves no server behind.
        process.once("exit", () => child.kill("SIGKILL"));
        createInterface({ input: child.stdout }).on("line", (line) => this.log.push(line));
        child.stderr.setEncoding("utf8").on("data", (text) => (this.#diagnostics += text));
    }

    async listening() {
        const line = await this.logged(/Listening on \S+:(\d+)/);
        this.port = Number(line[1]);
        this.url = `http://127.0.0.1:${this.port}/chat/`;
    }

    /** Waits for a log line, and returns its match. */
    logged(pattern) {
        return eventually(`the log line ${pattern}`, () => {
            if (this.#child.exitCode !== null) {
                throw new Error(`the program ended: ${this.#diagnostics}`);
            }
            return this.log.map((line) => pattern.exec(line)).find(Boolean);
        });
    }

    /** Ends the program in good order, as an operator does; its folder stays. */
    async stop() {
        if (this.#child.exitCode === null && this.#child.signalCode === null) {
            this.#child.kill("SIGTERM");
            await this.#ended;
        }
    }

    /** Ends the program and removes its folder. */
    async remove() {
        await this.stop();
        await rm(this.folder, { recursive: true, force: true });
    }
}

async function addMember(folder, { id, nick, name, password }) {
    const args = ["members", "add", "--members", "members.db"];
    args.push(`--id=${id}`, `--nick=${nick}`, `--name=${name}`);
    const child = spawn(PROGRAM, args, { cwd: folder, stdio: ["pipe", "ignore", "pipe"] });
    let diagnostics = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (diagnostics += text));
    child.stdin.end(`${password}\n`);
    const [code] = await once(child, "exit");
    if (code !== 0) {
        throw new Error(`cannot add the member ${nick}: ${diagnostics}`);
    }
}

/** Starts the browser. */
export function launchBrowser(options = {}) {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
        ...options,
    });
}

/** A client without a browser: commands out, each ended by NUL, and answers in. */
export class RawClient {
    static #open = new Set();
    #socket;
    #bytes = Buffer.alloc(0);
    #ended = false;

    /** Connects, and logs in when a member is given. */
    static async connect(port, id, password) {
        const client = new RawClient();
        RawClient.#open.add(client);
        client.#socket = net.connect({ host: "127.0.0.1", port });
        client.#socket.on("data", (bytes) => (client.#bytes = Buffer.concat([client.#bytes, bytes])));
        client.#socket.on("error", () => {});
        client.#socket.on("close", () => (client.#ended = true));
        await once(client.#socket, "connect");
        if (id !== undefined) {
            client.send(`IDENTIFY ${id} ${password}`);
            await client.until(/^<identify /);
        }
        return client;
    }

    /** Sends one command. */
    send(command) {
        this.#socket.write(`${command}\0`);
    }

    /** The next answer, without its NUL. */
    next() {
        return eventually("an answer", () => {
            const end = this.#bytes.indexOf(0);
            if (end < 0) {
                if (this.#ended) {
                    throw new Error("the server closed the connection");
                }
                return undefined;
            }
            const answer = this.#bytes.subarray(0, end).toString("utf8");
            this.#bytes = this.#bytes.subarray(end + 1);
            return { answer };
        }).then(({ answer }) => answer);
    }

    /** Skips answers up to the first one that matches, and returns it. */
    async until(pattern) {
        for (;;) {
            const answer = await this.next();
            if (pattern.test(answer)) {
                return answer;
            }
        }
    }

    /** Hangs up for all, so that a failed test leaves none behind. */
    static async closeAll() {
        await Promise.all([...RawClient.#open].map((client) => client.close()));
    }

    /** Hangs up. */
    async close() {
        RawClient.#open.delete(this);
        if (!this.#ended) {
            const closed = once(this.#socket, "close");
            this.#socket.destroy();
            await closed;
        }
    }
}

/** Waits until nobody of an earlier test is online any more. */
export async function everyoneGone(server) {
    await RawClient.closeAll();
    const client = await RawClient.connect(server.port);
    await eventually("an empty chat", async () => {
        client.send("LIST");
        return (await client.next()) === "<nicklist></nicklist>";
    });
    await client.close();
}

/** Asks again and again until there is an answer, and returns it. */
export async function eventually(what, ask) {
    const end = Date.now() + PATIENCE;
    for (;;) {
        const answer = await ask();
        if (answer) {
            return answer;
        }
        if (Date.now() > end) {
            throw new Error(`waited in vain for ${what}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
}
