//! Where the services run, as numbers of their streams.

use crate::logs::{DATABASE, Logs, gateway_host, service_host};
use crate::plan::Plan;
use crate::service::Service;

/// The numbers of the streams that requests write to.
#[derive(Debug)]
pub struct Hosts {
    pub gateways: Vec<usize>,
    /// By service, then replica.
    services: Vec<Vec<usize>>,
    pub database: usize,
}

impl Hosts {
    pub fn of(plan: &Plan, logs: &Logs<'_>) -> Self {
        let replicas = |service: &Service| {
            (0..plan.features.n_replicas)
                .map(|replica| logs.stream("app", &service_host(*service, replica)))
                .collect()
        };
        Self {
            gateways: (0..usize::from(plan.features.n_gateways))
                .map(|n| logs.stream("nginx_access", &gateway_host(n)))
                .collect(),
            services: Service::ALL.iter().map(replicas).collect(),
            database: logs.stream("postgresql", DATABASE),
        }
    }

    /// The stream of one of the service's hosts.
    pub fn service(&self, service: Service, choice: u64) -> usize {
        let replicas = &self.services[service as usize];
        replicas[(choice % replicas.len() as u64) as usize]
    }

    pub fn all_services(&self) -> impl Iterator<Item = (Service, usize)> + '_ {
        let pairs = Service::ALL.iter().zip(&self.services);
        pairs.flat_map(|(service, hosts)| hosts.iter().map(|host| (*service, *host)))
    }
}
