//! Which Gateways are served: the one that `--gateway` selects, or all. `listener_sets`: which ListenerSets they have.
//!
//! Any `controllerName` is accepted, because the manifests were given to this program. For the same reason, a
//! Gateway is served if its GatewayClass is not in the input: controllers install their classes themselves,
//! and nothing in a class is rendered. If it is clear which Gateway is meant, that is only a note.

pub(super) mod listener_sets;

use std::collections::{BTreeMap, BTreeSet};

use self::listener_sets::ListenerSets;
use super::listeners::section::Owner;

use super::status::decisions::Part;
use super::status::report::{Place, Report};
use crate::diagnostic::{Code, closest};
use crate::manifest::gateway_api::gateway::{Address, Gateway};
use crate::manifest::{Manifests, Object};
use crate::options::{Options, Target, UsageError};
use crate::status::{ConditionType, Reason};

/// The Gateways, by namespace and name.
pub(super) struct Gateways<'m> {
    all: BTreeMap<(&'m str, &'m str), GatewayState<'m>>,
    listener_sets: ListenerSets<'m>,
}

/// Whether a Gateway is served.
#[derive(Clone, Copy)]
pub(super) enum GatewayState<'m> {
    /// It is served.
    Served(&'m Object<Gateway>),
    /// Another Gateway was selected.
    NotSelected,
    /// It has an error that was reported.
    Rejected,
}

impl<'m> Gateways<'m> {
    /// Decides which Gateways are served.
    pub(super) fn select(
        manifests: &'m Manifests,
        options: &Options,
        report: &mut Report,
    ) -> Result<Self, UsageError> {
        let wanted = options.gateway.as_ref();
        let mut missing: BTreeMap<&str, Vec<&'m Object<Gateway>>> = BTreeMap::new();
        let classes: BTreeSet<&str> =
            manifests.gateway_classes.iter().map(|class| class.metadata.name.value.as_str()).collect();
        let mut all = BTreeMap::new();
        for gateway in &manifests.gateways {
            let key = gateway.metadata.key();
            let selected =
                wanted.is_none_or(|wanted| (wanted.namespace.as_str(), wanted.name.as_str()) == key);
            let state = if selected {
                let class = gateway.spec.class.value.as_str();
                if !classes.contains(class) && !report.may_be_unread("GatewayClass", "", class) {
                    missing.entry(class).or_default().push(gateway);
                }
                if matches!(options.target, Target::Implementation(_)) || is_supported(gateway, report) {
                    GatewayState::Served(gateway)
                } else {
                    GatewayState::Rejected
                }
            } else {
                report.decisions.skip(gateway);
                GatewayState::NotSelected
            };
            all.insert(key, state);
        }
        let is_clear = classes.is_empty() && (wanted.is_some() || manifests.gateways.len() == 1);
        if is_clear {
            report.notes.class_is_missing = !missing.is_empty();
        } else {
            warn_about_missing_classes(missing, &classes, report);
        }
        let mut gateways = Self { all, listener_sets: ListenerSets::default() };
        if let Some(wanted) = wanted
            && gateways.find(&wanted.namespace, &wanted.name).is_none()
            && !report.may_be_unread("Gateway", &wanted.namespace, &wanted.name)
        {
            return Err(UsageError::Gateway { wanted: wanted.clone(), choices: gateways.names().collect() });
        }
        gateways.listener_sets = ListenerSets::attach(manifests, &gateways, report);
        Ok(gateways)
    }

    /// The ListenerSets of these Gateways.
    pub(super) fn listener_sets(&self) -> &ListenerSets<'m> {
        &self.listener_sets
    }

    /// The objects that list listeners of a Gateway: itself and its ListenerSets, in their order of precedence.
    pub(super) fn owners(&self, gateway: &'m Object<Gateway>) -> impl Iterator<Item = Owner<'m>> {
        [gateway.into()].into_iter().chain(self.listener_sets.of(gateway).map(Owner::from))
    }

    /// Whether this Gateway is served; `None` if it is not in the input.
    pub(super) fn find(&self, namespace: &str, name: &str) -> Option<GatewayState<'m>> {
        self.all.get(&(namespace, name)).copied()
    }

    /// The served Gateways, by namespace and name.
    pub(super) fn served(&self) -> impl Iterator<Item = &'m Object<Gateway>> {
        self.all.values().filter_map(|state| match state {
            GatewayState::Served(gateway) => Some(*gateway),
            GatewayState::NotSelected | GatewayState::Rejected => None,
        })
    }

    /// `namespace/name` of every Gateway.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.all.keys().map(|(namespace, name)| format!("{namespace}/{name}"))
    }

    /// Whether the input has no Gateway.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// Whether the rendered Envoy supports everything that a Gateway asks for. Otherwise it would not work as intended, so it is
/// not served.
fn is_supported(gateway: &Object<Gateway>, report: &mut Report) -> bool {
    if let Some(parameters) = &gateway.spec.parameters {
        let place = Place::new(gateway, "spec.infrastructure.parametersRef", parameters.span);
        let place = place.because(Part::Whole, ConditionType::Accepted, Reason::InvalidParameters);
        let message =
            format!("the parameters in {} are not supported, so the Gateway is not served", parameters.value);
        report.error(Code::NotSupported, place, message).hint =
            Some(String::from("remove `parametersRef`: it is meant for another controller"));
    }
    for (number, address) in gateway.spec.addresses.iter().enumerate() {
        let place = Place::new(gateway, format!("spec.addresses[{number}]"), address.span);
        match &address.value {
            Address::Ip(ip) => {
                let place = place.because(Part::Whole, ConditionType::Programmed, Reason::AddressNotUsable);
                let message = format!(
                    "address {ip} is not supported, so the Gateway is not served: the command line sets the listen address"
                );
                report.error(Code::UnsupportedAddress, place, message).hint = Some(format!(
                    "remove `addresses`, and use `--listen-address {ip}`, or `--map-port` for single listeners"
                ));
            }
            Address::Other { kind, value } => {
                let place = place.because(Part::Whole, ConditionType::Accepted, Reason::UnsupportedAddress);
                let message = format!(
                    "address {value:?} of type `{kind}` is not supported, so the Gateway is not served"
                );
                report.error(Code::UnsupportedAddress, place, message).hint =
                    Some(String::from("remove `addresses`, and use `--listen-address`"));
            }
        }
    }
    gateway.spec.parameters.is_none() && gateway.spec.addresses.is_empty()
}

/// One warning for each missing class, at the first of its Gateways.
fn warn_about_missing_classes(
    missing: BTreeMap<&str, Vec<&Object<Gateway>>>,
    classes: &BTreeSet<&str>,
    report: &mut Report,
) {
    for (class, mut gateways) in missing {
        gateways.sort_by_key(|gateway| gateway.metadata.key());
        let Some((first, others)) = gateways.split_first() else { continue };
        let served = match others.len() {
            0 => String::from("the Gateway is served anyway"),
            more => format!("its {} Gateways are served anyway", more + 1),
        };
        let place = Place::new(first, "spec.gatewayClassName", first.spec.class.span);
        let message = format!("GatewayClass `{class}` not found in the input; {served}");
        report.warning(Code::MissingGatewayClass, place, message).hint =
            Some(closest(class, classes.iter().copied()).map_or_else(
                || {
                    String::from(
                        "in a cluster, this class must exist and its controller must accept it; to silence this warning, add a GatewayClass with any `controllerName`",
                    )
                },
                |near| format!("did you mean `{near}`?"),
            ));
    }
}
