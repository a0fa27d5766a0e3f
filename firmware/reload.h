/* A reload: config, certificates, revocation list, model and rules read again, checked, and
 * handed to the net core in one piece (live.h).  What is wrong changes nothing.
 *
 *   control: read, check, live_make ──► next_live ──► net core: adopt, between two turns
 *            wait for adopted_epoch ◄── the old one is retired, and freed when its last
 *                                       connection has gone
 *                  or refused_epoch ◄── its lists have no room for the live edits, which only
 *                                       the net core knows; nothing has changed
 *
 * The call itself is appliance_reload (appliance.h).  Owner: the control role. */
#ifndef ASSAY_FIRMWARE_RELOAD_H
#define ASSAY_FIRMWARE_RELOAD_H

#include "firmware/appliance.h"

/* Those whose last connection has gone. */
void reload_free_retired(struct appliance *appliance);

/* Does any caller have the right?  Where none has, SIGHUP alone will do. */
bool reload_is_allowed(const struct config *config);

#endif
