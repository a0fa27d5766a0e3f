/* What was built.  The version stands in every audit record and segment, so that
 * a decision names the code that made it. */
#ifndef ASSAY_FIRMWARE_VERSION_H
#define ASSAY_FIRMWARE_VERSION_H

const char *assay_version(void); /* "0.1.0" */
const char *assay_build(void);   /* how it was built: compiler and baseline */

#endif
