/* assayctl config: the two pages printed from the schema table. */
#include <stdio.h>

#include "config/config.h"
#include "firmware/ctl.h"

int ctl_config_default(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	config_print_default(stdout);
	return 0;
}

int ctl_config_reference(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	config_print_reference(stdout);
	return 0;
}
