#include "firmware/version.h"

const char *assay_version(void)
{
	return "0.1.0";
}

const char *assay_build(void)
{
	return "gcc " __VERSION__ ", x86-64-v3";
}
