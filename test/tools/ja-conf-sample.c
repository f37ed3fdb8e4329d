/* Prints the sample configuration, jack-analyzer.conf, from the option tables.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "modules.h"

#include <ja/config/config.h>
#include <stdio.h>

int main(void) {
    const struct ja_module *modules[JA_MODULES];
    struct ja_config *config = ja_config_new(modules, ja_modules_collect(modules));
    if (!config)
        return 1;
    ja_config_sample(config, stdout);
    ja_config_free(config);
    return fflush(stdout) ? 1 : 0;
}
