import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type RenderResult, render } from "@testing-library/react";
import type { ReactNode } from "react";
import { startTexts } from "../text/texts.ts";
import { cssVariablesResolver, theme } from "../ui/theme.ts";

/** Renders with theme, English texts and a query client that never retries. */
export async function show(content: ReactNode): Promise<RenderResult> {
	await startTexts("en");
	const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
	return render(
		<MantineProvider theme={theme} cssVariablesResolver={cssVariablesResolver} env="test">
			<QueryClientProvider client={queries}>{content}</QueryClientProvider>
		</MantineProvider>,
	);
}
