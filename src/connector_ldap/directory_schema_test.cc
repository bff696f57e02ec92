// Definitions as servers print them.

#include "connector_ldap/internal/directory_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linkspan::connector_ldap {
namespace {

using ::testing::ElementsAre;

/// 389 Directory Server and OpenLDAP's configuration name many definitions by words where a number should stand.
TEST(DirectorySchemaTest, NumbersThatAreWordsAreFoundWithoutRegardToCase) {
  const DirectorySchema schema(
      {"( Berth-oid NAME 'berth' SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )", "( Tonnage-OID SUP BERTH-oid )"},
      {"( Vessel-oid STRUCTURAL MUST berth )", "( 1.2 NAME 'ferry' SUP vessel-OID )"},
      {"( VESSEL-oid MAY Tonnage-OID )"});
  ASSERT_NE(schema.object_class("Vessel-oid"), nullptr);
  EXPECT_THAT(schema.object_class("vessel-oid")->attributes, ElementsAre("berth", "Tonnage-OID"));
  EXPECT_THAT(schema.ancestry("ferry"), ElementsAre("ferry", "vessel-oid"));
  EXPECT_THAT(schema.required_references("ferry"), ElementsAre("berth"));
  ASSERT_NE(schema.attribute("tonnage-oid"), nullptr);
  EXPECT_EQ(schema.attribute("tonnage-oid")->kind, model::ValueKind::reference);
}

}  // namespace
}  // namespace linkspan::connector_ldap
