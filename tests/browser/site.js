// A web site whose members chat: it makes tickets, as examples/ticket.php does.

import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";

import { startServer } from "./support.js";

export class Site {
    /** What it answers when it is asked for a ticket: for this member, or with this status. */
    member = 1;
    status = 200;
    /** Requests for a ticket: method, origin and cookies. */
    asked = [];
    #secret = randomBytes(32);

    /** Starts it, and a chat server that knows it; both end with the test. */
    static async start(t, { ticketUrl = true, frames = false, args = [] } = {}) {
        const site = new Site();
        const web = http.createServer((request, answer) => site.#answer(request, answer));
        web.listen(0, "127.0.0.1");
        await once(web, "listening");
        t.after(() => {
            web.closeAllConnections();
            web.close();
        });
        site.url = `http://127.0.0.1:${web.address().port}`;
        site.options = ["--ticket-secret", "ticket.secret", ...args];
        if (ticketUrl) {
            site.options.push("--ticket-url", `${site.url}/ticket`);
        }
        if (frames) {
            site.options.push("--frame-ancestor", site.url);
        }
        const server = await site.serve();
        t.after(() => server.remove());
        return { site, server };
    }

    /** Starts the chat server. */
    async serve({ port } = {}) {
        this.server = await startServer({ port, args: this.options, prepare: (home) => this.#leaveSecret(home) });
        // A server that has just started takes no ticket that an earlier one could have let in.
        await new Promise((resolve) => setTimeout(resolve, 1100));
        return this.server;
    }

    #leaveSecret(home) {
        return writeFile(path.join(home, "ticket.secret"), this.#secret, { mode: 0o600 });
    }

    /** A ticket for a member, by number. */
    ticket(id) {
        const now = Math.floor(Date.now() / 1000);
        const text = `ticket:1.${id}.${now + 3}.${now + 60}.${randomBytes(16).toString("hex")}`;
        return `${text}.${createHmac("sha256", this.#secret).update(text).digest("hex")}`;
    }

    #answer(request, answer) {
        if (request.url === "/chat") {
            // A page of the site with the chat in it.
            const address = `http://127.0.0.1:${this.server.port}/chat/#id=2&ticket=${this.ticket(2)}`;
            answer.writeHead(200, { "Content-Type": "text/html" }).end(`<iframe width="900" height="600" src="${address}"></iframe>`);
            return;
        }
        if (request.url !== "/ticket") {
            answer.writeHead(200, { "Content-Type": "text/html", "Set-Cookie": "session=abc; Path=/" }).end("<title>Site</title>");
            return;
        }
        const { origin, cookie } = request.headers;
        this.asked.push({ method: request.method, origin, cookie });
        const headers = {
            "Access-Control-Allow-Origin": `http://127.0.0.1:${this.server.port}`,
            "Access-Control-Allow-Credentials": "true",
            "Cache-Control": "no-store",
            "Content-Type": "text/plain",
        };
        answer.writeHead(this.status, headers).end(this.status === 200 ? this.ticket(this.member) : "no");
    }
}
