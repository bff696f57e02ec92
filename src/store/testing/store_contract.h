#pragma once
// What every backend of store::Store promises. A backend's own test includes this, in namespace store::testing's reach:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(Backend{"sqlite", &make}));

#include "store/testing/batch_cases.h"
#include "store/testing/configuration_cases.h"
#include "store/testing/operations_cases.h"
#include "store/testing/reference_cases.h"
#include "store/testing/server_cases.h"
#include "store/testing/store_fixture.h"
#include "store/testing/view_cases.h"
