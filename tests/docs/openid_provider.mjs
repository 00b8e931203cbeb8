// Two issuers of OpenID Connect on two ports: `node openid_provider.mjs ISSUER OTHER CALLBACK`.
//
// A test logs in by `/interaction/…?account=…&amr=…&ago=…` instead of a form, and says by
// `PUT /accounts/…` what a user's claims are.
import http from "node:http";
import Provider from "oidc-provider";

const [, , issuer, other, callback] = process.argv;
const accounts = new Map();

function start(address) {
  const provider = new Provider(address, {
    clients: [
      {
        client_id: "site",
        client_secret: "a secret of this test alone, for no other use",
        redirect_uris: [callback],
        post_logout_redirect_uris: [new URL("/", callback).href],
      },
    ],
    claims: {
      openid: ["sub", "amr", "auth_time"],
      email: ["email", "email_verified"],
      profile: ["preferred_username", "roles"],
    },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of this test"] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    async loadExistingGrant(context) {
      const grant = new context.oidc.provider.Grant({
        accountId: context.oidc.session.accountId,
        clientId: context.oidc.client.clientId,
      });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
    pkce: { required: () => true },
  });
  const answer = provider.callback();
  http
    .createServer(async (request, response) => {
      const { pathname, searchParams } = new URL(request.url, address);
      if (pathname.startsWith("/accounts/")) {
        accounts.set(pathname.split("/")[2], JSON.parse(searchParams.get("claims")));
        response.end();
      } else if (pathname.startsWith("/interaction/")) {
        const login = { accountId: searchParams.get("account") };
        if (searchParams.has("amr")) login.amr = searchParams.get("amr").split(" ");
        login.ts = Math.floor(Date.now() / 1000) - Number(searchParams.get("ago"));
        await provider.interactionFinished(request, response, { login });
      } else {
        answer(request, response);
      }
    })
    .listen(new URL(address).port, "127.0.0.1");
}

start(other);
start(issuer);
