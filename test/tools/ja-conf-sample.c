/* Prints the sample configuration, jack-analyzer.conf, from the option tables.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "modules.h"

#include <ja/config/config.h>
#include <stdio.h>

int main(void) {
    struct ja_config *config = ja_config_new(ja_modules, ja_module_count);
    if (!config)
        return 1;
    ja_config_sample(config, stdout);
    ja_config_free(config);
    return fflush(stdout) ? 1 : 0;
}
