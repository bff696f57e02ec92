#include "sync/node.h"

#include "sync/pending.h"

namespace linkspan::sync {

Node::Node(store::ObjectWithImages loaded, const ConnectorInfo& connector)
    : original(loaded.object), object(std::move(loaded.object)), images(std::move(loaded.images)), info(&connector) {
  participates = !images.observed.empty() && object.state != store::ObjectState::placeholder;
}

void Node::unlink(store::Desired desired_state) {
  link_changed = link_changed || object.metaverse;
  object.metaverse = {};
  object.link_rule = {};
  object.state = store::ObjectState::disconnector;
  if (object.desired != desired_state) {
    object.desired = desired_state;
    if (desired_state != store::Desired::present) {
      desired = {};
      desired_given = true;
      object.touched |= store::touched_references;
    }
  }
}

void Node::release(bool deprovision) {
  const bool is_there = exists(object, !images.sent.empty());
  const bool to_delete = deprovision && (is_there || is_attempted(object));
  unlink(to_delete ? store::Desired::absent : store::Desired::none);
  removed = !to_delete && !is_there && images.observed.empty();
}

bool Node::is_provisional() const {
  return object.desired == store::Desired::present && !exists(object, !images.sent.empty());
}

void Node::link(store::MetaverseId metaverse, store::RuleId rule) {
  link_changed = true;
  object.metaverse = metaverse;
  object.link_rule = rule;
  object.state = store::ObjectState::joined;
  keys.clear();
  keys_given = true;  // a joined object is not to be found by its keys any more
}

void Node::give_keys(const rules::RuleSet& rules) {
  keys = participates ? keys_of(imported.empty() ? model::decode(images.observed) : imported, rules.object_keys())
                      : std::vector<store::Key>();
  keys_given = true;
}

void prepare_inbound(Node& node, const rules::RuleSet& rules, ReferenceNames* references) {
  const bool passive = node.object.metaverse && !rules.has_inbound(node.info->name);
  if (!node.participates || passive) return;
  node.imported = model::decode(node.images.observed);
  node.image = node.images.sent.empty() ? node.imported
                                        : model::effective(node.imported, model::decode(node.images.sent),
                                                           model::decode(node.images.shadow));
  if (node.object.desired == store::Desired::present) {
    const model::Image pending = wanted_attributes(node.image, model::decode(node.images.desired), node.info->dn);
    for (const model::ImageAttribute& attribute : pending.attributes()) {
      if (attribute.values.empty()) {
        node.image.erase(attribute.name);
      } else {
        node.image.set(attribute.name, attribute.values);
      }
    }
  }
  node.source = std::make_unique<ImageSource>(
      node.image, node.imported,
      ImageSource::Parameters{node.info->name, references, node.object.id, node.info, node.object.dn, rules.dn_name()});
  for (const rules::CompiledRule* rule : rules.inbound(node.info->name, node.object.type)) {
    if (rule->in_scope(*node.source)) node.in_scope.push_back(rule);
  }
}

std::vector<store::Key> keys_of(const model::Image& image, std::span<const model::NameId> attributes) {
  std::vector<store::Key> keys;
  for (const model::NameId name : attributes) {
    const model::ImageAttribute* attribute = image.find(name);
    if (attribute == nullptr) continue;
    for (const model::Value& value : attribute->values) keys.push_back({name, model::join_key(value)});
  }
  return keys;
}

std::optional<store::ObjectWrite> write_of(const Node& node) {
  store::ObjectWrite write;
  write.object = node.object;
  if (node.desired_given) {
    write.images = node.images;
    // Of an add without an answer it stays known what it was, so that it can be looked up and deleted.
    const bool kept = node.object.desired == store::Desired::absent && is_attempted(node.object);
    if (!kept) {
      write.images.desired =
          node.object.desired == store::Desired::present ? model::encode(node.desired) : std::string();
    }
    write.object.pending = pending_operation(write.object, write.images, node.info->dn);
    if (write.images.desired != node.images.desired) write.mask = store::desired_image;
  }
  write.keys_given = node.keys_given;
  write.keys = node.keys;
  if (write.object == node.original && write.mask == store::no_images && !write.keys_given) return std::nullopt;
  return write;
}

}  // namespace linkspan::sync
