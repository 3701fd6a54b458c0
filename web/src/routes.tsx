import type { QueryClient } from "@tanstack/react-query";
import {
	createRootRouteWithContext,
	createRoute,
	createRouter,
	lazyRouteComponent,
	redirect,
} from "@tanstack/react-router";
import { isSignedOut } from "./api/errors.ts";
import { agentQuery, agentsQuery } from "./api/queries/agents.ts";
import { jobQuery, jobsQuery } from "./api/queries/jobs.ts";
import { channelsQuery } from "./api/queries/notifications.ts";
import { overviewQuery } from "./api/queries/overview.ts";
import { runQuery } from "./api/queries/runs.ts";
import { meQuery, statusQuery } from "./api/queries/session.ts";
import { settingsQuery } from "./api/queries/settings.ts";
import { usersQuery } from "./api/queries/users.ts";
import { vaultQuery, vaultsQuery } from "./api/queries/vaults.ts";
import { PageError } from "./modules/PageError.tsx";
import { Root } from "./modules/Root.tsx";
import { Shell } from "./modules/Shell.tsx";
import { paths } from "./util/paths.ts";
import { parseSearch, stringifySearch, texts } from "./util/search.ts";

interface Context {
	queries: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ component: Root });

const setUp = createRoute({
	getParentRoute: () => root,
	path: "/set-up",
	validateSearch: texts("token"),
	component: lazyRouteComponent(() => import("./pages/set-up.tsx")),
});

const signIn = createRoute({
	getParentRoute: () => root,
	path: "/sign-in",
	validateSearch: texts("next"),
	loader: ({ context }) => void context.queries.prefetchQuery(statusQuery),
	component: lazyRouteComponent(() => import("./pages/sign-in.tsx")),
});

/** Everything below needs a session. */
const signedIn = createRoute({
	getParentRoute: () => root,
	id: "signed-in",
	beforeLoad: async ({ context, location }) => {
		try {
			await context.queries.ensureQueryData(meQuery);
		} catch (error) {
			if (isSignedOut(error)) throw redirect(paths.signIn(location.href === "/" ? undefined : location.href));
			throw error;
		}
	},
	component: Shell,
});

const overview = createRoute({
	getParentRoute: () => signedIn,
	path: "/",
	validateSearch: texts("agent"),
	loader: ({ context }) => void context.queries.prefetchQuery(overviewQuery),
	component: lazyRouteComponent(() => import("./pages/overview.tsx")),
});

const alerts = createRoute({
	getParentRoute: () => signedIn,
	path: "/alerts",
	validateSearch: texts("state", "severity"),
	component: lazyRouteComponent(() => import("./pages/alerts.tsx")),
});

const notifications = createRoute({
	getParentRoute: () => signedIn,
	path: "/notifications",
	loader: ({ context }) => void context.queries.prefetchQuery(channelsQuery),
	component: lazyRouteComponent(() => import("./pages/notifications.tsx")),
});

const runs = createRoute({
	getParentRoute: () => signedIn,
	path: "/runs",
	validateSearch: texts("status", "job", "from", "to"),
	component: lazyRouteComponent(() => import("./pages/runs.tsx")),
});

const run = createRoute({
	getParentRoute: () => signedIn,
	path: "/runs/$run",
	loader: ({ context, params }) => void context.queries.prefetchQuery(runQuery(params.run)),
	component: lazyRouteComponent(() => import("./pages/run.tsx")),
});

const jobs = createRoute({
	getParentRoute: () => signedIn,
	path: "/jobs",
	validateSearch: texts("q"),
	loader: ({ context }) => void context.queries.prefetchQuery(jobsQuery),
	component: lazyRouteComponent(() => import("./pages/jobs.tsx")),
});

const newJob = createRoute({
	getParentRoute: () => signedIn,
	path: "/jobs/new/$step",
	validateSearch: texts("agent"),
	loader: ({ context }) => {
		void context.queries.prefetchQuery(agentsQuery);
		void context.queries.prefetchQuery(vaultsQuery);
	},
	component: lazyRouteComponent(() => import("./pages/job-wizard.tsx")),
});

const editJob = createRoute({
	getParentRoute: () => signedIn,
	path: "/jobs/$job/edit/$step",
	loader: ({ context, params }) => void context.queries.prefetchQuery(jobQuery(params.job)),
	component: lazyRouteComponent(() => import("./pages/job-edit.tsx")),
});

const duplicateJob = createRoute({
	getParentRoute: () => signedIn,
	path: "/jobs/$job/duplicate/$step",
	loader: ({ context, params }) => void context.queries.prefetchQuery(jobQuery(params.job)),
	component: lazyRouteComponent(() => import("./pages/job-duplicate.tsx")),
});

const job = createRoute({
	getParentRoute: () => signedIn,
	path: "/jobs/$job",
	loader: ({ context, params }) => void context.queries.prefetchQuery(jobQuery(params.job)),
	component: lazyRouteComponent(() => import("./pages/job.tsx")),
});

const agents = createRoute({
	getParentRoute: () => signedIn,
	path: "/agents",
	validateSearch: texts("panel", "q"),
	loader: ({ context }) => void context.queries.prefetchQuery(agentsQuery),
	component: lazyRouteComponent(() => import("./pages/agents.tsx")),
});

const agent = createRoute({
	getParentRoute: () => signedIn,
	path: "/agents/$agent",
	loader: ({ context, params }) => void context.queries.prefetchQuery(agentQuery(params.agent)),
	component: lazyRouteComponent(() => import("./pages/agent.tsx")),
});

const vaults = createRoute({
	getParentRoute: () => signedIn,
	path: "/vaults",
	loader: ({ context }) => void context.queries.prefetchQuery(vaultsQuery),
	component: lazyRouteComponent(() => import("./pages/vaults.tsx")),
});

const newVault = createRoute({
	getParentRoute: () => signedIn,
	path: "/vaults/new",
	loader: ({ context }) => void context.queries.prefetchQuery(agentsQuery),
	component: lazyRouteComponent(() => import("./pages/vault-new.tsx")),
});

const vault = createRoute({
	getParentRoute: () => signedIn,
	path: "/vaults/$vault",
	loader: ({ context, params }) => void context.queries.prefetchQuery(vaultQuery(params.vault)),
	component: lazyRouteComponent(() => import("./pages/vault.tsx")),
});

const snapshots = createRoute({
	getParentRoute: () => signedIn,
	path: "/snapshots",
	validateSearch: texts("source", "at", "point", "snapshot", "path", "file", "zoom"),
	component: lazyRouteComponent(() => import("./pages/snapshots.tsx")),
});

const compare = createRoute({
	getParentRoute: () => signedIn,
	path: "/snapshots/compare",
	validateSearch: texts("source", "a", "b", "snapshot", "path", "kind", "q"),
	component: lazyRouteComponent(() => import("./pages/compare.tsx")),
});

const search = createRoute({
	getParentRoute: () => signedIn,
	path: "/search",
	validateSearch: texts("q", "agent", "from", "to", "deleted"),
	loader: ({ context }) => void context.queries.prefetchQuery(agentsQuery),
	component: lazyRouteComponent(() => import("./pages/search.tsx")),
});

const restore = createRoute({
	getParentRoute: () => signedIn,
	path: "/restore",
	validateSearch: texts("source"),
	component: lazyRouteComponent(() => import("./pages/restore.tsx")),
});

const newRestore = createRoute({
	getParentRoute: () => signedIn,
	path: "/restore/new/$step",
	validateSearch: texts("point"),
	component: lazyRouteComponent(() => import("./pages/restore-wizard.tsx")),
});

const users = createRoute({
	getParentRoute: () => signedIn,
	path: "/access/users",
	loader: ({ context }) => void context.queries.prefetchQuery(usersQuery),
	component: lazyRouteComponent(() => import("./pages/users.tsx")),
});

const audit = createRoute({
	getParentRoute: () => signedIn,
	path: "/audit",
	component: lazyRouteComponent(() => import("./pages/audit.tsx")),
});

const settings = createRoute({
	getParentRoute: () => signedIn,
	path: "/settings/$section",
	loader: ({ context }) => void context.queries.prefetchQuery(settingsQuery),
	component: lazyRouteComponent(() => import("./pages/settings.tsx")),
});

/** All components in their states. Only the development server has it: the build leaves the page out. */
const styles = createRoute({
	getParentRoute: () => root,
	path: "/dev/styles",
	beforeLoad: () => {
		if (!import.meta.env.DEV) throw redirect(paths.overview());
	},
	...(import.meta.env.DEV ? { component: lazyRouteComponent(() => import("./pages/styles.tsx")) } : {}),
});

const tree = root.addChildren([
	styles,
	setUp,
	signIn,
	signedIn.addChildren([
		overview,
		alerts,
		notifications,
		runs,
		run,
		jobs,
		newJob,
		editJob,
		duplicateJob,
		job,
		agents,
		agent,
		vaults,
		newVault,
		vault,
		snapshots,
		search,
		compare,
		restore,
		newRestore,
		users,
		audit,
		settings,
	]),
]);

export function makeRouter(queries: QueryClient) {
	return createRouter({
		routeTree: tree,
		context: { queries },
		defaultPreload: "intent",
		defaultPreloadStaleTime: 0,
		defaultErrorComponent: PageError,
		scrollRestoration: true,
		parseSearch,
		stringifySearch,
	});
}

declare module "@tanstack/react-router" {
	interface Register {
		router: ReturnType<typeof makeRouter>;
	}
}
