import "./ui/mantine.ts";
import "./ui/tokens.css";
import "./ui/fonts.css";
import "./ui/base.css";
import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError, isSignedOut } from "./api/errors.ts";
import { keys } from "./api/keys.ts";
import { connectStream } from "./api/live.ts";
import { makeRouter } from "./routes.tsx";
import { chosenLanguage, startTexts } from "./text/texts.ts";
import { cssVariablesResolver, theme } from "./ui/theme.ts";
import { paths } from "./util/paths.ts";

// Style elements that Mantine and the scroll lock of its dialogs make must carry the answer's nonce.
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
setNonce(nonce);

/** A session that ended while the page was open leads to sign-in and back to the same address. */
function signedOut(error: unknown): void {
	const { location } = router.state;
	if (!isSignedOut(error) || location.pathname === "/sign-in" || location.pathname === "/set-up") return;
	if (error instanceof ApiError && error.code !== "not_signed_in") return;
	queries.removeQueries({ queryKey: keys.me() });
	void router.navigate(paths.signIn(location.href === "/" ? undefined : location.href));
}

const queries = new QueryClient({
	queryCache: new QueryCache({ onError: signedOut }),
	mutationCache: new MutationCache({ onError: signedOut }),
	defaultOptions: {
		queries: {
			// Refusals stay refusals; only a missing answer or a failing server is worth another try.
			retry: (failures, error) =>
				failures < 3 && !(error instanceof ApiError && error.problem.status > 0 && error.problem.status < 500),
			retryDelay: 2_000,
			staleTime: 5_000,
			refetchOnWindowFocus: true,
		},
	},
});
connectStream(queries);
const router = makeRouter(queries);

await startTexts(chosenLanguage());
const element = document.getElementById("root");
if (element === null) throw new Error("index.html has no element #root");
createRoot(element).render(
	<StrictMode>
		<MantineProvider
			theme={theme}
			cssVariablesResolver={cssVariablesResolver}
			defaultColorScheme="auto"
			getStyleNonce={() => nonce}
		>
			<QueryClientProvider client={queries}>
				<RouterProvider router={router} />
			</QueryClientProvider>
		</MantineProvider>
	</StrictMode>,
);
