import { useMediaQuery } from "@mantine/hooks";

const now = { getInitialValueInEffect: false } as const;

/** Whether the window is as narrow as a phone's. */
export const usePhone = (): boolean => useMediaQuery("(width < 640px)", false, now);

/** Days that a strip has room for. */
export function useStripDays(): number {
	const huge = useMediaQuery("(width >= 1600px)", false, now);
	const wide = useMediaQuery("(width >= 1400px)", true, now);
	const phone = usePhone();
	return huge ? 28 : wide ? 21 : phone ? 10 : 14;
}
