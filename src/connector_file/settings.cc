#include "connector_file/internal/settings.h"

#include "connector/setting_reader.h"

namespace linkspan::connector_file {

const std::vector<connector::SettingSpec>& setting_specs() {
  static const std::vector<connector::SettingSpec> specs{
      {"path", "the LDIF file", true, false, ""},
      {"anchor", "attribute that identifies an object for ever", false, false, "entryUUID, else the DN"},
      {"reference_attributes", "attributes whose values are DNs of other objects", false, true,
       "manager, member, owner, secretary, seeAlso, uniqueMember, roleOccupant"},
      {"object_types", "object classes to import", false, true, "inetOrgPerson, groupOfNames, organizationalUnit"},
      {"attributes", "attributes to import", false, true, "all but userPassword"},
  };
  return specs;
}

FileSettings read_settings(const connector::Settings& settings) {
  connector::SettingReader reader(settings);
  reader.refuse_unknown(setting_specs());
  FileSettings made;
  made.path = reader.one("path");
  if (made.path.empty()) reader.wrong("path: it is missing");
  if (made.path.find('\0') != std::string::npos) reader.wrong("path: it holds a NUL character");
  made.anchor = reader.one("anchor");
  made.reference_attributes = reader.all("reference_attributes");
  if (made.reference_attributes.empty()) {
    made.reference_attributes = {"manager", "member", "owner", "secretary", "seeAlso", "uniqueMember", "roleOccupant"};
  }
  made.object_types = reader.all("object_types");
  if (made.object_types.empty()) made.object_types = {"inetOrgPerson", "groupOfNames", "organizationalUnit"};
  made.attributes = reader.all("attributes");
  reader.finish("file.settings");
  return made;
}

}  // namespace linkspan::connector_file
