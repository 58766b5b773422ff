//! What the servers' thread asks of the loop, in a form that the loop can wait for together with news of processes: on a
//! quiet machine it then wakes up once a tick and not to look whether something has happened.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Read the policies and the inventory again.
    Reload,
    /// Put everything back and end.
    Stop,
    /// End, and leave what is held to the start that follows.
    Restart,
}

/// Why a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    Order(Order),
    /// Nobody can give orders any more.
    Deserted,
    /// What was waited for beside orders has come.
    News,
    /// The time is over.
    Rested,
}

#[derive(Debug, Clone)]
pub struct OrderSender {
    orders: mpsc::Sender<Order>,
    bell: Arc<EventFd>,
}

#[derive(Debug)]
pub struct Orders {
    orders: mpsc::Receiver<Order>,
    bell: Arc<EventFd>,
}

/// # Errors
/// There is no room for another file descriptor.
pub fn orders() -> io::Result<(OrderSender, Orders)> {
    let bell = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
    let (sender, orders) = mpsc::channel();
    Ok((OrderSender { orders: sender, bell: Arc::clone(&bell) }, Orders { orders, bell }))
}

impl OrderSender {
    /// `false` if the loop has ended.
    pub fn give(&self, order: Order) -> bool {
        let given = self.orders.send(order).is_ok();
        // A bell that cannot be rung any louder is heard.
        let _ = self.bell.write(1);
        given
    }
}

impl Drop for OrderSender {
    fn drop(&mut self) {
        let _ = self.bell.write(1);
    }
}

impl Orders {
    /// Waits for an order, for `news` to be readable if there is such a source, or for `rest` to be over.
    pub fn wait(&self, news: Option<BorrowedFd<'_>>, rest: Duration) -> Wake {
        // One ring may stand for several orders.
        if let Some(wake) = self.next() {
            return wake;
        }
        let of = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut sources: Vec<PollFd<'_>> = [Some(self.bell.as_fd()), news].into_iter().flatten().map(of).collect();
        // Rounded up: a wait that ends a moment early would be followed by one of no length.
        let millis = u16::try_from(rest.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        // An interruption is a rest that was short.
        let _ = poll(&mut sources, PollTimeout::from(millis));
        let is_ready = |place: usize| sources.get(place).is_some_and(|source| source.any() == Some(true));
        let (is_rung, has_news) = (is_ready(0), is_ready(1));
        if is_rung {
            let _ = self.bell.read();
        }
        self.next().unwrap_or(if has_news { Wake::News } else { Wake::Rested })
    }

    fn next(&self) -> Option<Wake> {
        match self.orders.try_recv() {
            Ok(order) => Some(Wake::Order(order)),
            Err(TryRecvError::Disconnected) => Some(Wake::Deserted),
            Err(TryRecvError::Empty) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use nix::unistd::{pipe, write};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn an_order_ends_a_rest_at_once_and_all_orders_are_heard() {
        let (sender, orders) = orders().unwrap();
        let start = Instant::now();
        let giver = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            assert!(sender.give(Order::Reload) && sender.give(Order::Stop));
        });
        assert_eq!(orders.wait(None, LONG), Wake::Order(Order::Reload));
        giver.join().unwrap();
        assert_eq!(orders.wait(None, LONG), Wake::Order(Order::Stop));
        assert_eq!(orders.wait(None, LONG), Wake::Deserted);
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn news_are_told_from_the_end_of_the_time() {
        let (_sender, orders) = orders().unwrap();
        let (reader, writer) = pipe().unwrap();
        assert_eq!(orders.wait(Some(reader.as_fd()), Duration::from_millis(5)), Wake::Rested);
        write(&writer, b"x").unwrap();
        assert_eq!(orders.wait(Some(reader.as_fd()), LONG), Wake::News);
        assert_eq!(orders.wait(None, Duration::ZERO), Wake::Rested);
    }

    #[test]
    fn orders_to_a_loop_that_has_ended_are_refused() {
        let (sender, orders) = orders().unwrap();
        drop(orders);
        assert!(!sender.give(Order::Stop));
    }
}
